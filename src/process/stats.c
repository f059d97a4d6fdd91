/*
 * stats.c
 *		The function behind the view qlm.stat_worker.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "process/stats.h"

#define STAT_WORKER_COLUMNS 13

static const char *
state_name(QlmWorkerState state)
{
	switch (state)
	{
		case QLM_WORKER_STARTING:
			return "starting";
		case QLM_WORKER_RUNNING:
			return "running";
		case QLM_WORKER_HOLDING:
			return "holding";
		case QLM_WORKER_STOPPING:
			return "stopping";
		default:
			return "stopped";
	}
}

/* Copies a slot under the lock.  Returns false if it was never used. */
static bool
copy_slot(int i, QlmWorkerSlot *copy)
{
	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	*copy = qlm_shared->slots[i];
	LWLockRelease(qlm_shared->lock);
	return copy->state != QLM_WORKER_FREE;
}

static void
put_slot(int worker_id, QlmWorkerSlot *slot, ReturnSetInfo *result)
{
	Datum		values[STAT_WORKER_COLUMNS];
	bool		nulls[STAT_WORKER_COLUMNS] = {false};
	int			i = 0;

	values[i++] = Int32GetDatum(worker_id);
	nulls[i] = slot->pid == 0;
	values[i++] = Int32GetDatum(slot->pid);
	values[i++] = NameGetDatum(&slot->database);
	values[i++] = CStringGetTextDatum(slot->number == 0 ? "dispatcher" : "server");
	values[i++] = CStringGetTextDatum(state_name(slot->state));
	nulls[i] = slot->address[0] == '\0';
	values[i++] = CStringGetTextDatum(slot->address);
	nulls[i] = slot->started_at == 0;
	values[i++] = TimestampTzGetDatum(slot->started_at);
	values[i++] = Int64GetDatum(pg_atomic_read_u64(&slot->requests));
	values[i++] = Int64GetDatum(pg_atomic_read_u64(&slot->batches));
	values[i++] = Int64GetDatum(pg_atomic_read_u64(&slot->bytes_in));
	values[i++] = Int64GetDatum(pg_atomic_read_u64(&slot->bytes_out));
	values[i++] = Int32GetDatum(pg_atomic_read_u32(&slot->connections));
	nulls[i] = slot->last_error[0] == '\0';
	values[i++] = CStringGetTextDatum(slot->last_error);
	Assert(i == STAT_WORKER_COLUMNS);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(qlm_sql_worker_stats);

/*
 * qlm.worker_stats() returns a row for each worker; none without shared memory
 */
Datum
qlm_sql_worker_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (result->setDesc->natts != STAT_WORKER_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("qlm.worker_stats() returns %d columns",
						STAT_WORKER_COLUMNS),
				 errhint("The library and the extension differ: ALTER EXTENSION qlm UPDATE.")));
	for (i = 0; qlm_shared && i < QLM_MAX_WORKERS; i++)
	{
		QlmWorkerSlot slot;

		if (copy_slot(i, &slot))
			put_slot(i + 1, &slot, result);
	}
	return (Datum) 0;
}
