/*
 * value_items.c
 *		Checks that values belong to existing InfoItems, by whatever statement
 *		they come.
 *
 * A foreign key would look up and lock the InfoItem of each value.  Here a
 * statement looks up each InfoItem once, and a process once until InfoItems
 * are deleted.  The lock is the one that writers of envelopes take.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "base/limits.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/core/validity.h"
#include "storage/replica/restore.h"
#include "storage/validate/value_items.h"

/* Larger ids are looked up each time; 8 MB of bits */
#define MAX_KNOWN (64 * 1024 * 1024)

/* Ids looked up by one statement */
#define MAX_LOOKUP 10000

/* InfoItems that are known to exist */
static Bitmapset *known = NULL;
static MemoryContext known_context = NULL;
static QlmValidity known_validity;
static bool known_unsure = false;	/* some may exist in this transaction only */

/* The depth of triggers at which nothing is checked; -1: none */
static int	known_depth = -1;

static QlmPlan missing_plan = {
	"SELECT e.id FROM pg_catalog.unnest($1) e(id)"
	" WHERE NOT EXISTS (SELECT FROM qlm.info_item i WHERE i.info_item_id = e.id)",
	1, {INT4ARRAYOID}, .as_active = true
};

static void
forget_known(void)
{
	known = NULL;
	known_unsure = false;
	MemoryContextReset(known_context);
}

/* A rollback may undo the creation of an InfoItem. */
static void
transaction_ends(XactEvent event, void *arg)
{
	known_depth = -1;
	if (known_unsure && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PRE_COMMIT)
		forget_known();
	known_unsure = false;
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId subid,
					SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	known_depth = -1;
	if (known_unsure)
		forget_known();
}

static int
trigger_depth(void)
{
	return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH));
}

static void
prepare_known(void)
{
	if (known_context == NULL)
	{
		known_context = AllocSetContextCreate(TopMemoryContext,
											  "qlm known InfoItems",
											  ALLOCSET_DEFAULT_SIZES);
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
	}
	else if (!qlm_validity_holds(&known_validity, QLM_REL_INFO_ITEM))
		forget_known();
}

void
qlm_value_items_known_begin(void)
{
	prepare_known();
	known_depth = trigger_depth() + 1;
}

void
qlm_value_items_known_end(void)
{
	known_depth = -1;
}

static void
refuse(int info_item_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("InfoItem %d does not exist", info_item_id),
			 errdetail("Each value in qlm.value belongs to a row of qlm.info_item."),
			 errhint("Insert the InfoItem first, or use qlm_write(path, value), which creates it.")));
}

/*
 * Sees committed rows and those of this transaction, even if it has an older
 * snapshot.
 */
static void
look_up(int *ids, int n)
{
	Datum		values[1];
	QlmRights	saved;
	int			missing = 0;
	bool		isnull;

	values[0] = qlm_array_int4(ids, n);
	CommandCounterIncrement();
	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	PushActiveSnapshot(GetLatestSnapshot());
	qlm_plan_execute_indexed(&missing_plan, values, NULL, 1);
	PopActiveSnapshot();
	qlm_rights_restore(&saved);
	if (SPI_processed > 0)
	{
		missing = DatumGetInt32(qlm_spi_datum(0, 1, &isnull));
		refuse(missing);
	}
	qlm_storage_end();
	pfree(DatumGetPointer(values[0]));
}

static void
remember(const int *ids, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(known_context);
	int			largest = -1;

	/* A set is copied when it grows, so the largest id is added first. */
	for (int i = 0; i < n; i++)
		if (ids[i] < MAX_KNOWN)
			largest = Max(largest, ids[i]);
	if (largest >= 0)
		known = bms_add_member(known, largest);
	for (int i = 0; i < n; i++)
		if (ids[i] >= 0 && ids[i] < MAX_KNOWN)
			known = bms_add_member(known, ids[i]);
	known_unsure = true;
	MemoryContextSwitchTo(caller);
}

/* Values of plain SQL are reported to the session only. */
static void
warn_of_time(TimestampTz latest)
{
	static TimestampTz warned_until = 0;
	TimestampTz now = GetCurrentTimestamp();
	StringInfoData text;

	if (latest <= now + QLM_FAR_AHEAD || now < warned_until)
		return;
	warned_until = now + USECS_PER_HOUR;
	initStringInfo(&text);
	qlm_datetime_append(&text, latest);
	ereport(WARNING,
			(errmsg("values far ahead of the clock were inserted into qlm.value"),
			 errdetail("The latest is of %s.", text.data),
			 errhint("Until then no earlier value of its InfoItem is the latest, nor an event if its time was given.")));
	pfree(text.data);
}

/*
 * Collects the ids that are not known yet, each once, and returns how many.
 * Finds the latest time of all rows, too.
 */
static int
collect_unknown(Tuplestorestate *rows, TupleTableSlot *slot, int column,
				int ts_column, int *ids, TimestampTz *latest)
{
	int			n = 0;
	int64		last = PG_INT64_MAX;	/* not an id */

	while (n < MAX_LOOKUP && tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool		isnull;
		int			id = DatumGetInt32(slot_getattr(slot, column, &isnull));
		TimestampTz ts = DatumGetTimestampTz(slot_getattr(slot, ts_column, &isnull));

		*latest = Max(*latest, ts);
		if (id == last || (id >= 0 && id < MAX_KNOWN && bms_is_member(id, known)))
			continue;
		ids[n++] = last = id;
	}
	return n;
}

static void
check_rows(Tuplestorestate *rows, TupleDesc desc)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int		   *ids = palloc(MAX_LOOKUP * sizeof(int));
	int			column = SPI_fnumber(desc, "info_item_id");
	int			ts_column = SPI_fnumber(desc, "ts");
	TimestampTz latest = DT_NOBEGIN;
	int			n;

	if (column <= 0 || ts_column <= 0)
		elog(ERROR, "the table has no column info_item_id, or no ts");
	tuplestore_select_read_pointer(rows,
								   tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
	while ((n = collect_unknown(rows, slot, column, ts_column, ids, &latest)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		look_up(ids, n);
		remember(ids, n);
	}
	ExecDropSingleTupleTableSlot(slot);
	pfree(ids);
	warn_of_time(latest);
}

/*
 * Writers and sessions that delete InfoItems wait for each other, so what is
 * found stays valid until this transaction ends.
 */
static void
begin_check(void)
{
	qlm_node_lock(RowExclusiveLock);
	prepare_known();
	if (known == NULL)
		known_validity = qlm_validity_take(QLM_REL_INFO_ITEM);
}

void
qlm_value_items_check(Tuplestorestate *rows, TupleDesc desc)
{
	if ((known_depth >= 0 && known_depth == trigger_depth()) || qlm_restore_is_active())
		return;
	begin_check();
	check_rows(rows, desc);
}

PG_FUNCTION_INFO_V1(qlm_trigger_value_checked);

/*
 * qlm.value_checked(): after INSERT on a partition, with the new rows as
 * transition table, and after UPDATE of info_item_id for each row
 */
Datum
qlm_trigger_value_checked(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, QLM_TRIGGER_AFTER);
	TupleDesc	desc;
	bool		isnull;
	int			id;

	desc = RelationGetDescr(data->tg_relation);
	if (TRIGGER_FIRED_FOR_STATEMENT(data->tg_event))
	{
		if (data->tg_newtable != NULL && tuplestore_tuple_count(data->tg_newtable) > 0)
			qlm_value_items_check(data->tg_newtable, desc);
		return PointerGetDatum(NULL);
	}
	if (qlm_restore_is_active())
		return PointerGetDatum(NULL);
	begin_check();
	id = DatumGetInt32(heap_getattr(data->tg_newtuple, SPI_fnumber(desc, "info_item_id"),
									desc, &isnull));
	if (id < 0 || id >= MAX_KNOWN || !bms_is_member(id, known))
	{
		look_up(&id, 1);
		remember(&id, 1);
	}
	return PointerGetDatum(NULL);
}
