/*
 * node_bulk.c
 *		Inserts new Objects and InfoItems into their tables, many at a time.
 *
 * For each row an INSERT would look up and lock its parent (foreign_key.c),
 * which costs as much as all the rest.  The caller has created the parent in
 * this transaction or locked it.  Defaults, constraints and indexes are those
 * of the table.  If an INSERT would do more, because of triggers, rules,
 * policies, further columns or foreign keys, the executor is used.  The same
 * if extensions have executor hooks, as nodes are created rarely.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/executor_hooks.h"
#include "storage/object/details.h"
#include "storage/object/node_bulk.h"

#define ID_COLUMN		1

/* Tuples inserted together, as many as in COPY */
#define MAX_TUPLES		1000

typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

/* Both begin with the id, the parent, the name and the path. */
static const Column object_columns[] = {
	{"object_id", INT4OID}, {"parent_id", INT4OID}, {"id", TEXTOID},
	{"path", TEXTOID}, {"type", TEXTOID}, {"description", JSONBOID},
	{"attributes", JSONBOID}
};

static const Column item_columns[] = {
	{"info_item_id", INT4OID}, {"object_id", INT4OID}, {"name", TEXTOID},
	{"path", TEXTOID}, {"type", TEXTOID}, {"description", JSONBOID},
	{"alt_names", JSONBOID}, {"attributes", JSONBOID}
};

typedef struct Bulk
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *info;
	ExprState  *next_id;
	TupleTableSlot **slots;
	MemoryContext context;		/* for one load of tuples */
} Bulk;

static bool
has_columns(TupleDesc desc, const Column *columns, int n)
{
	if (desc->natts != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped || column->attgenerated ||
			column->attidentity || column->atttypid != columns[i].type ||
			strcmp(NameStr(column->attname), columns[i].name) != 0)
			return false;
	}
	return true;
}

/*
 * The triggers of this extension have nothing to do for nodes in envelopes, or
 * are replaced by code here.  Returns whether there are others.
 */
static bool
has_other_triggers(const TriggerDesc *triggers)
{
	Oid			require_parent = qlm_catalog_function("require_parent");
	Oid			texts_checked = qlm_catalog_function("texts_checked");
	Oid			forget = qlm_catalog_function("forget");

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (TRIGGER_FOR_INSERT(triggers->triggers[i].tgtype) &&
			triggers->triggers[i].tgfoid != require_parent &&
			triggers->triggers[i].tgfoid != texts_checked &&
			triggers->triggers[i].tgfoid != forget)
			return true;
	return false;
}

/* Would an INSERT do nothing but what is done here? */
static bool
is_plain(Relation rel, bool is_item)
{
	return rel->rd_rel->relkind == RELKIND_RELATION &&
		!rel->rd_rel->relispartition && rel->rd_rules == NULL &&
		(is_item ? has_columns(RelationGetDescr(rel), item_columns, lengthof(item_columns)) :
		 has_columns(RelationGetDescr(rel), object_columns, lengthof(object_columns))) &&
		!has_other_triggers(rel->trigdesc);
}

/* The statement would return ids, so the right to read is needed, too. */
static bool
may_insert_all(QlmRelation relation)
{
	return qlm_acl_may_insert(relation) && qlm_acl_may_select(relation) &&
		!qlm_acl_has_policies(relation);
}

static void
begin(Bulk *bulk, Node *default_id, int n)
{
	TupleDesc	desc = CreateTupleDescCopyConstr(RelationGetDescr(bulk->rel));

	bulk->estate = CreateExecutorState();
	bulk->estate->es_output_cid = GetCurrentCommandId(true);
	bulk->info = makeNode(ResultRelInfo);
	InitResultRelInfo(bulk->info, bulk->rel, 0, NULL, 0);
	ExecOpenIndices(bulk->info, false);
	bulk->next_id = ExecPrepareExpr((Expr *) default_id, bulk->estate);
	bulk->slots = palloc(Min(n, MAX_TUPLES) * sizeof(TupleTableSlot *));
	for (int i = 0; i < Min(n, MAX_TUPLES); i++)
		bulk->slots[i] = MakeSingleTupleTableSlot(desc, table_slot_callbacks(bulk->rel));
	bulk->context = AllocSetContextCreate(CurrentMemoryContext, "qlm object bulk",
										  ALLOCSET_DEFAULT_SIZES);
}

/* Fills in the columns after the path, which are null for most nodes. */
static void
fill_static(const QlmNewNode *node, Datum *values, bool *nulls)
{
	QlmDetailsColumns columns;

	if (node->is_item)
		qlm_details_item_columns(node->item, &columns);
	else
		qlm_details_object_columns(node->object, &columns);
	*nulls++ = columns.type == NULL;
	*values++ = columns.type ? CStringGetTextDatum(columns.type) : (Datum) 0;
	*nulls++ = columns.description == (Datum) 0;
	*values++ = columns.description;
	if (node->is_item)
	{
		*nulls++ = columns.alt_names == (Datum) 0;
		*values++ = columns.alt_names;
	}
	*nulls++ = columns.attributes == (Datum) 0;
	*values++ = columns.attributes;
}

static void
fill_slot(Bulk *bulk, TupleTableSlot *slot, QlmNewNode *node)
{
	int			parent = node->parent ? node->parent->id : node->parent_id;
	Datum	   *values = slot->tts_values;
	bool	   *nulls = slot->tts_isnull;

	ExecClearTuple(slot);
	values[0] = ExecEvalExprSwitchContext(bulk->next_id,
										  GetPerTupleExprContext(bulk->estate),
										  &nulls[0]);
	nulls[1] = parent == 0;
	values[1] = Int32GetDatum(parent);
	nulls[2] = nulls[3] = false;
	values[2] = CStringGetTextDatum(node->name);
	values[3] = CStringGetTextDatum(node->path);
	fill_static(node, values + 4, nulls + 4);
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(bulk->rel);
	ExecConstraints(bulk->info, slot, bulk->estate);
	node->id = DatumGetInt32(values[0]);
	ResetPerTupleExprContext(bulk->estate);
}

static void
insert_load(Bulk *bulk, QlmNewNode **nodes, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(bulk->context);

	for (int i = 0; i < n; i++)
		fill_slot(bulk, bulk->slots[i], nodes[i]);
	table_multi_insert(bulk->rel, bulk->slots, n, bulk->estate->es_output_cid,
					   0, NULL);
	for (int i = 0; i < n; i++)
	{
		if (bulk->info->ri_NumIndices > 0)
			list_free(qlm_exec_insert_index_tuples(bulk->info, bulk->slots[i],
												   bulk->estate));
		ResetPerTupleExprContext(bulk->estate);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(bulk->context);
}

static void
end(Bulk *bulk, int n)
{
	for (int i = 0; i < Min(n, MAX_TUPLES); i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	ExecResetTupleTable(bulk->estate->es_tupleTable, false);
	ExecCloseIndices(bulk->info);
	FreeExecutorState(bulk->estate);
}

/* Announces that there are new names, which may be targets of subscriptions. */
static void
tell_names(QlmNewNode **nodes, int n)
{
	for (int i = 0; i < n; i++)
		if (nodes[i]->item && nodes[i]->item->alt_names)
		{
			qlm_catalog_invalidate(qlm_catalog_relid(QLM_REL_NAMES));
			return;
		}
}

static void
insert_all(Relation rel, Node *default_id, QlmNewNode **nodes, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "qlm object bulk insert",
												  ALLOCSET_DEFAULT_SIZES);
	Bulk		bulk = {rel};

	MemoryContextSwitchTo(context);
	PushActiveSnapshot(GetTransactionSnapshot());
	begin(&bulk, default_id, n);
	for (int done = 0; done < n; done += MAX_TUPLES)
	{
		CHECK_FOR_INTERRUPTS();
		insert_load(&bulk, nodes + done, Min(n - done, MAX_TUPLES));
	}
	end(&bulk, n);
	tell_names(nodes, n);
	PopActiveSnapshot();
	CommandCounterIncrement();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

bool
qlm_node_bulk_insert(QlmNewNode **nodes, int n)
{
	bool		is_item = nodes[0]->is_item;
	QlmRelation relation = is_item ? QLM_REL_INFO_ITEM : QLM_REL_OBJECT;
	Relation	rel;
	Node	   *default_id = NULL;

	PreventCommandIfReadOnly("INSERT");
	rel = table_open(qlm_catalog_relid(relation), RowExclusiveLock);
	if (!qlm_executor_hooks_exist() && is_plain(rel, is_item) && may_insert_all(relation))
		default_id = build_column_default(rel, ID_COLUMN);
	if (default_id != NULL)
		insert_all(rel, default_id, nodes, n);
	table_close(rel, NoLock);
	return default_id != NULL;
}
