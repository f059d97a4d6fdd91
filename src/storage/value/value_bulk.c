/*
 * value_bulk.c
 *		Inserts rows into one partition of qlm.value without the executor: many
 *		tuples a page at a time, as COPY does, and with less WAL.
 *
 * COPY itself does not do that for a table that has a statement trigger with a
 * transition table, as qlm.value has.  What an INSERT does besides
 * (constraints, indexes, statement triggers) is done here, too.  If it is not
 * certain that the result is the same, the executor is used.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/executor_hooks.h"
#include "storage/core/plan.h"
#include "storage/partition/partition.h"
#include "storage/validate/value_items.h"
#include "storage/value/value_bulk.h"
#include "storage/value/value_row.h"

/* Columns that have check constraints */
#define TS_COLUMN	3
#define NUM_COLUMN	4
#define TXT_COLUMN	5

/* Tuples inserted together, as many as in COPY */
#define MAX_TUPLES	1000

typedef struct Bulk
{
	Relation	parent;
	Relation	partition;
	const QlmValueRow *rows;
	int			nrows;
	EState	   *estate;
	ResultRelInfo *parent_info;
	ResultRelInfo *info;
	bool		checks;			/* constraints must be checked */
	bool		fires;			/* statement triggers of the parent fire */
	TransitionCaptureState *capture;
	TupleTableSlot **slots;
	MemoryContext context;		/* of one load of tuples */
	const QlmValueObserver *observer;
} Bulk;

/*
 * Returns the partition of all rows, or InvalidOid if they are of several or
 * of none.
 */
static Oid
common_partition(const QlmValueRow *rows, int n)
{
	int			nranges;
	const QlmPartitionRange *ranges = qlm_partition_ranges(&nranges);
	const QlmPartitionRange *range = &ranges[qlm_partition_find(rows[0].ts)];

	for (int i = 1; i < n; i++)
		if (!qlm_partition_covers(range, rows[i].ts))
			return InvalidOid;
	return range->relid;
}

static bool
has_value_columns(TupleDesc desc)
{
	TupleDesc	wanted = qlm_value_row_descriptor();

	if (desc->natts != QLM_VALUE_COLUMNS)
		return false;
	for (int i = 0; i < QLM_VALUE_COLUMNS; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped || column->attgenerated ||
			column->atttypid != TupleDescAttr(wanted, i)->atttypid ||
			strcmp(NameStr(column->attname),
				   NameStr(TupleDescAttr(wanted, i)->attname)) != 0)
			return false;
	}
	return true;
}

/*
 * Row triggers of this extension can be ignored: rows already have the form
 * that one of them makes, and the other is for replication.  Returns whether
 * there are further ones.
 */
static bool
has_row_triggers(Relation partition)
{
	const TriggerDesc *triggers = partition->trigdesc;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_INSERT(trigger->tgtype) &&
			trigger->tgfoid != qlm_catalog_function("value_form") &&
			trigger->tgfoid != qlm_catalog_function("value_applied"))
			return true;
	}
	return false;
}

/* Would an INSERT into the parent do nothing but what is done here? */
static bool
is_plain(Relation parent, Relation partition)
{
	if (partition->rd_rel->relkind != RELKIND_RELATION ||
		parent->rd_rel->relispartition || parent->rd_rules != NULL ||
		!has_value_columns(RelationGetDescr(parent)) ||
		!has_value_columns(RelationGetDescr(partition)))
		return false;
	return true;
}

static bool
is_column(const Node *node, int column)
{
	return IsA(node, Var) && ((const Var *) node)->varattno == column;
}

static bool
has_not_null(const List *tests, int column)
{
	ListCell   *lc;

	foreach(lc, tests)
	{
		const NullTest *test = lfirst(lc);

		if (IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
			is_column((const Node *) test->arg, column))
			return true;
	}
	return false;
}

/* Is it one of the check constraints in sql/install? */
static bool
is_own_check(const Node *check)
{
	if (IsA(check, FuncExpr))
	{
		const FuncExpr *function = (const FuncExpr *) check;

		return function->funcid == F_ISFINITE_TIMESTAMPTZ &&
			is_column(linitial(function->args), TS_COLUMN);
	}
	if (IsA(check, BoolExpr))
	{
		const BoolExpr *either = (const BoolExpr *) check;

		return either->boolop == OR_EXPR &&
			has_not_null(either->args, NUM_COLUMN) &&
			has_not_null(either->args, TXT_COLUMN);
	}
	return false;
}

static bool
has_own_constraints(TupleDesc desc)
{
	const TupleConstr *constraints = desc->constr;

	for (int i = TS_COLUMN; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attnotnull)
			return false;
	for (int i = 0; constraints && i < constraints->num_check; i++)
		if (!is_own_check(stringToNode(constraints->check[i].ccbin)))
			return false;
	return true;
}

/* The partition that was examined last; InvalidOid after an invalidation */
static Oid	known_partition = InvalidOid;
static bool known_checks;
static bool known_row_triggers;

static void
forget_known(Datum arg, Oid relid)
{
	if (relid == known_partition || relid == InvalidOid)
		known_partition = InvalidOid;
}

/*
 * The constraints in sql/install hold for each row with a finite time.  For a
 * single row preparing them costs more than all the rest.
 */
static void
look_at(Relation partition)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_known, (Datum) 0);
		registered = true;
	}
	if (known_partition != RelationGetRelid(partition))
	{
		known_checks = !has_own_constraints(RelationGetDescr(partition));
		known_row_triggers = has_row_triggers(partition);
		known_partition = RelationGetRelid(partition);
	}
}

static bool
may_insert_all(void)
{
	return qlm_acl_may_insert(QLM_REL_VALUE) &&
		!qlm_acl_has_policies(QLM_REL_VALUE);
}

/*
 * Statement triggers need not fire if the only one is that for subscriptions
 * and nobody subscribes to these InfoItems.
 */
static bool
fires_triggers(const Bulk *bulk)
{
	const TriggerDesc *triggers = bulk->parent->trigdesc;
	int			after = 0;

	if (triggers == NULL)
		return false;
	for (int i = 0; i < triggers->numtriggers; i++)
		if (TRIGGER_FOR_INSERT(triggers->triggers[i].tgtype))
			after++;
	return triggers->trig_insert_before_statement || after > 1 ||
		(after > 0 && bulk->observer->are_wanted(bulk->rows, bulk->nrows));
}

static ResultRelInfo *
make_info(Relation rel, ResultRelInfo *root)
{
	ResultRelInfo *info = makeNode(ResultRelInfo);

	InitResultRelInfo(info, rel, 0, root, 0);
	return info;
}

static void
begin(Bulk *bulk, const QlmValueRow *rows, int n)
{
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(bulk->partition));

	/* This may run a statement, so it is called before the command id is taken. */
	bulk->fires = fires_triggers(bulk);
	bulk->estate = CreateExecutorState();
	bulk->estate->es_output_cid = GetCurrentCommandId(true);
	bulk->parent_info = make_info(bulk->parent, NULL);
	bulk->info = make_info(bulk->partition, bulk->parent_info);
	ExecOpenIndices(bulk->info, false);
	bulk->slots = palloc(Min(n, MAX_TUPLES) * sizeof(TupleTableSlot *));
	for (int i = 0; i < Min(n, MAX_TUPLES); i++)
		bulk->slots[i] = MakeSingleTupleTableSlot(desc, table_slot_callbacks(bulk->partition));
	bulk->context = AllocSetContextCreate(CurrentMemoryContext, "qlm bulk",
										  ALLOCSET_DEFAULT_SIZES);
	if (!bulk->fires)
		return;
	AfterTriggerBeginQuery();
	bulk->capture = MakeTransitionCaptureState(bulk->parent->trigdesc,
											   RelationGetRelid(bulk->parent),
											   CMD_INSERT);
	ExecBSInsertTriggers(bulk->estate, bulk->parent_info);
}

static void
fill_slots(Bulk *bulk, QlmValueRowState *state, const QlmValueRow *rows, int n)
{
	for (int i = 0; i < n; i++)
	{
		TupleTableSlot *slot = bulk->slots[i];

		ExecClearTuple(slot);
		qlm_value_row_fill(state, &rows[i], slot->tts_values, slot->tts_isnull);
		ExecStoreVirtualTuple(slot);
		slot->tts_tableOid = RelationGetRelid(bulk->partition);
		if (bulk->checks || TIMESTAMP_NOT_FINITE(rows[i].ts))
		{
			ExecConstraints(bulk->info, slot, bulk->estate);
			ResetPerTupleExprContext(bulk->estate);
		}
	}
}

static void
finish_slot(Bulk *bulk, TupleTableSlot *slot)
{
	List	   *recheck = NIL;

	if (bulk->info->ri_NumIndices > 0)
		recheck = qlm_exec_insert_index_tuples(bulk->info, slot, bulk->estate);
	if (bulk->capture)
		ExecARInsertTriggers(bulk->estate, bulk->info, slot, recheck,
							 bulk->capture);
	list_free(recheck);
	ResetPerTupleExprContext(bulk->estate);
}

static void
insert_load(Bulk *bulk, const QlmValueRow *rows, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(bulk->context);
	QlmValueRowState state = {0};

	fill_slots(bulk, &state, rows, n);
	table_multi_insert(bulk->partition, bulk->slots, n,
					   bulk->estate->es_output_cid, 0, NULL);
	for (int i = 0; i < n; i++)
		finish_slot(bulk, bulk->slots[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(bulk->context);
}

static void
end(Bulk *bulk, int n)
{
	if (bulk->fires)
	{
		ExecASInsertTriggers(bulk->estate, bulk->parent_info, bulk->capture);
		qlm_value_items_known_begin();
		AfterTriggerEndQuery(bulk->estate);
		qlm_value_items_known_end();
	}
	for (int i = 0; i < Min(n, MAX_TUPLES); i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	ExecResetTupleTable(bulk->estate->es_tupleTable, false);
	ExecCloseResultRelations(bulk->estate);
	ExecCloseIndices(bulk->info);
	FreeExecutorState(bulk->estate);
}

/*
 * Started like any statement, so its rights are checked and it is audited.
 * The rows are inserted in place of its execution.
 */
static QlmPlan insert_plan = {
	"INSERT INTO qlm.value (info_item_id, peer_id, ts, num, txt, type, attributes, is_odf)"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
	" pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8))",
	QLM_VALUE_ROW_ARGS, QLM_PLAN_GENERIC
};

static uint64
insert_all(void *arg)
{
	Bulk	   *bulk = arg;
	int			n = bulk->nrows;

	PushActiveSnapshot(GetTransactionSnapshot());
	begin(bulk, bulk->rows, n);
	for (int done = 0; done < n; done += MAX_TUPLES)
	{
		CHECK_FOR_INTERRUPTS();
		insert_load(bulk, bulk->rows + done, Min(n - done, MAX_TUPLES));
	}
	end(bulk, n);
	PopActiveSnapshot();
	CommandCounterIncrement();
	return n;
}

static void
insert_watched(Bulk *bulk)
{
	Datum		params[QLM_VALUE_COLUMNS];

	if (qlm_executor_hooks_audit())
		qlm_value_row_params(bulk->rows, bulk->nrows, params);
	qlm_executor_hooks_run(&insert_plan, qlm_executor_hooks_audit() ? params : NULL,
						   insert_all, bulk);
}

bool
qlm_value_bulk_insert(const QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	MemoryContext caller = CurrentMemoryContext;
	Bulk		bulk = {.rows = rows, .nrows = n, .observer = observer};
	Oid			partition;
	bool		plain;

	PreventCommandIfReadOnly("INSERT");
	bulk.parent = table_open(qlm_catalog_relid(QLM_REL_VALUE), RowExclusiveLock);
	partition = common_partition(rows, n);
	bulk.partition = OidIsValid(partition) ?
		try_table_open(partition, RowExclusiveLock) : NULL;

	/* Both are locked now, so this holds until the transaction ends. */
	plain = bulk.partition && common_partition(rows, n) == partition &&
		is_plain(bulk.parent, bulk.partition) && may_insert_all();
	if (plain)
	{
		look_at(bulk.partition);
		bulk.checks = known_checks;
		plain = !known_row_triggers;
	}
	if (plain)
	{
		MemoryContext context = AllocSetContextCreate(caller, "qlm bulk insert",
													  ALLOCSET_DEFAULT_SIZES);

		MemoryContextSwitchTo(context);
		insert_watched(&bulk);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
	}
	if (bulk.partition)
		table_close(bulk.partition, NoLock);
	table_close(bulk.parent, NoLock);
	return plain;
}
