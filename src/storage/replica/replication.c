/*
 * replication.c
 *		Notices rows that logical replication applies.
 *
 * Applied rows fire no statement triggers.  The row triggers here are enabled
 * for replicas only.  They run no SQL and invalidate once for each
 * transaction: an invalidation for each row would make every process reload
 * its whole catalog cache.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/worker_internal.h"
#include "storage/lockdefs.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/replica/replication.h"

PG_FUNCTION_INFO_V1(qlm_trigger_replicated);

/* After so many deleted InfoItems their remaining values are looked for. */
#define MAX_GONE	10000

static void delete_left_over(void);

/* InfoItems that this transaction has deleted */
static QlmAppliedRows gone = {delete_left_over};

static QlmPlan values_plan = {
	"DELETE FROM qlm.value WHERE info_item_id = ANY ($1)", 1, {INT4ARRAYOID}
};

static QlmPlan waiting_plan = {
	"DELETE FROM qlm.subscription_value WHERE info_item_id = ANY ($1)", 1, {INT4ARRAYOID}
};

/*
 * Logical replication, pglogical and the like, and the initial copy of a table
 * run in a session with this role.
 */
bool
qlm_replication_is_applying(void)
{
	return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA &&
		!(MyLogicalRepWorker != NULL && am_tablesync_worker());
}

static void
delete_values(const int *ids, int n)
{
	Datum		values[1] = {qlm_array_int4(unconstify(int *, ids), n)};
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&values_plan, values, NULL, 0);
	qlm_plan_execute(&waiting_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	pfree(DatumGetPointer(values[0]));
}

/*
 * The other node also deletes the values of its InfoItems, which was applied
 * by now.  Values that are left were written here.
 */
static void
delete_left_over(void)
{
	int		   *ids;

	if (gone.n == 0)
		return;
	ids = palloc(Min(gone.n, MAX_GONE) * sizeof(int));
	qlm_storage_begin();
	for (int done = 0; done < gone.n; done += MAX_GONE)
	{
		int			n = Min(gone.n - done, MAX_GONE);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			ids[i] = gone.rows[done + i].info_item_id;
		delete_values(ids, n);
	}
	qlm_storage_end();
	pfree(ids);
	gone.n = 0;
}

/*
 * Rows of this node must fire its own triggers, and are not those of another
 * node.  The role is set directly, since SET would make all plans invalid.
 */
void
qlm_replication_run_own(QlmBeforeCommit function)
{
	int			role = SessionReplicationRole;

	SessionReplicationRole = SESSION_REPLICATION_ROLE_ORIGIN;
	PG_TRY();
	{
		function();
	}
	PG_FINALLY();
	{
		SessionReplicationRole = role;
	}
	PG_END_TRY();
}

static QlmBeforeCommit before_commit[2];
static int	nbefore_commit = 0;

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		return;
	for (int i = 0; i < nbefore_commit; i++)
	{
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		qlm_replication_run_own(before_commit[i]);
		PopActiveSnapshot();
	}
}

static void
call_before_commit(QlmBeforeCommit function)
{
	Assert(nbefore_commit < lengthof(before_commit));
	if (nbefore_commit == 0)
		RegisterXactCallback(transaction_ends, NULL);
	before_commit[nbefore_commit++] = function;
}

/* The list is in the transaction's memory, so it only has to be forgotten. */
static void
forget_applied(XactEvent event, void *arg)
{
	QlmAppliedRows *applied = arg;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	applied->rows = NULL;
	applied->n = applied->capacity = 0;
}

/* Ids of subtransactions ascend, so those inside this one have larger ids. */
static void
forget_undone(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	QlmAppliedRows *applied = arg;

	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (applied->n > 0 && applied->rows[applied->n - 1].subid >= subid)
			applied->n--;
}

void
qlm_replication_collect(QlmAppliedRows *applied, int info_item_id, TimestampTz ts)
{
	QlmAppliedRow *row;

	if (!applied->is_registered)
	{
		RegisterXactCallback(forget_applied, applied);
		RegisterSubXactCallback(forget_undone, applied);
		call_before_commit(applied->look);
		applied->is_registered = true;
	}
	if (applied->rows == NULL)
	{
		applied->capacity = 64;
		applied->rows = MemoryContextAlloc(TopTransactionContext,
										   applied->capacity * sizeof(QlmAppliedRow));
	}
	else if (applied->n == applied->capacity)
	{
		applied->capacity *= 2;
		applied->rows = repalloc_huge(applied->rows, applied->capacity * sizeof(QlmAppliedRow));
	}
	row = &applied->rows[applied->n++];
	row->info_item_id = info_item_id;
	row->ts = ts;
	row->subid = GetCurrentSubTransactionId();
}

static void
node_deleted(const TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	bool		isnull;

	if (RelationGetRelid(data->tg_relation) != qlm_catalog_relid(QLM_REL_INFO_ITEM))
	{
		qlm_catalog_invalidate_once(QLM_REL_OBJECT);
		return;
	}
	qlm_catalog_invalidate_once(QLM_REL_INFO_ITEM);
	qlm_replication_collect(&gone, DatumGetInt32(SPI_getbinval(data->tg_trigtuple, desc,
															   SPI_fnumber(desc, "info_item_id"), &isnull)), 0);
}

/*
 * Does the same as the statement triggers on these tables: invalidate.c,
 * service/sql/change_triggers.c.
 */
static void
row_changed(const TriggerData *data, const char *what)
{
	if (strcmp(what, "node") == 0)
		node_deleted(data);
	else if (strcmp(what, "static") == 0)
		qlm_catalog_invalidate_once(QLM_REL_META_DATA);
	else if (strcmp(what, "added") == 0)
		qlm_catalog_invalidate_once(QLM_REL_OBJECT_SEQ);
	else if (strcmp(what, "retention") == 0)
		qlm_catalog_invalidate_once(QLM_REL_RETENTION);
	else
	{
		if (strcmp(what, "peer") == 0)
			qlm_catalog_invalidate_once(QLM_REL_PEER);
		else if (strcmp(what, "subscription") == 0)
			qlm_catalog_invalidate_once(QLM_REL_SUBSCRIPTION);
		qlm_wake_pending |= QLM_WAKE_OUTBOX | QLM_WAKE_ANSWER;
	}
}

/*
 * qlm.replicated(what): before a node is deleted, without an argument, keeps
 * out writers, which have looked up paths.  After a row has changed,
 * invalidates.
 */
Datum
qlm_trigger_replicated(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, QLM_TRIGGER_ROW);
	HeapTuple	row;

	row = qlm_trigger_row(data);
	if (!qlm_catalog_available())
		return PointerGetDatum(row);
	if (data->tg_trigger->tgnargs == 0)
		qlm_node_lock(ShareRowExclusiveLock);
	else
		row_changed(data, data->tg_trigger->tgargs[0]);
	return PointerGetDatum(row);
}
