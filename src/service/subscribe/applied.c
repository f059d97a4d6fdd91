/*
 * applied.c
 *		Hands out values that logical replication brings, if an administrator
 *		has created the trigger for it.
 *
 * Rows come one by one.  They are collected, and handed out together before
 * the transaction commits, as if they had been written here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "service/subscribe/events.h"
#include "storage/core/plan.h"
#include "storage/peer/peer.h"
#include "storage/replica/replication.h"
#include "storage/subscription/subscription_events.h"

PG_FUNCTION_INFO_V1(qlm_trigger_value_applied);

/* After so many values those collected are handed out. */
#define MAX_VALUES	100000

static void tell(void);

static QlmAppliedRows applied = {tell};

/* Has the columns of an INSERT's transition table that subscriptions look at */
static Tuplestorestate *
make_rows(TupleDesc desc)
{
	Tuplestorestate *rows = tuplestore_begin_heap(true, false, work_mem);

	for (int i = 0; i < applied.n; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = Int32GetDatum(applied.rows[i].info_item_id);
		values[1] = TimestampTzGetDatum(applied.rows[i].ts);
		tuplestore_putvalues(rows, desc, values, nulls);
	}
	return rows;
}

static void
tell_all(TupleDesc desc)
{
	Tuplestorestate *rows = make_rows(desc);
	QlmMatch   *matches;
	int			n;

	applied.n = 0;
	qlm_storage_begin();
	n = qlm_subscription_match_new(rows, desc, &matches);
	if (n > 0)
		qlm_events_hand_out(matches, n);
	qlm_storage_end();
	tuplestore_end(rows);
}

static void
tell(void)
{
	MemoryContext caller;
	MemoryContext context;
	TupleDesc	desc;

	if (applied.n == 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "qlm applied values",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	desc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(desc, 1, "info_item_id", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "ts", TIMESTAMPTZOID, -1, 0);
	if (qlm_subscription_any_events())
		tell_all(desc);
	applied.n = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
collect(const TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	bool		isnull;
	Datum		info_item_id = SPI_getbinval(data->tg_trigtuple, desc,
											 SPI_fnumber(desc, "info_item_id"), &isnull);
	Datum		ts = SPI_getbinval(data->tg_trigtuple, desc, SPI_fnumber(desc, "ts"), &isnull);

	qlm_replication_collect(&applied, DatumGetInt32(info_item_id), DatumGetTimestampTz(ts));
}

/*
 * qlm.value_applied(): after INSERT on qlm.value for each row.  Only applied
 * rows count.  Values written here have fired subscriptions already, and those
 * of the initial copy of the table are history.
 */
Datum
qlm_trigger_value_applied(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_BY_INSERT(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.value_applied() must be called as a trigger after INSERT for each row")));
	if (!qlm_replication_is_applying() || !qlm_subscription_any_events())
		return PointerGetDatum(NULL);
	collect(data);
	if (applied.n == MAX_VALUES)
		qlm_replication_run_own(tell);
	return PointerGetDatum(NULL);
}
