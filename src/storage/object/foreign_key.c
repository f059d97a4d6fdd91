/*
 * foreign_key.c
 *		Triggers in place of foreign keys: children need a parent, and are
 *		deleted with it.
 *
 * A dump does not define the order in which tables of an extension are filled,
 * so foreign keys between them fail in a parallel restore.  These triggers do
 * the same, but nothing during a restore.  A foreign key would delete children
 * with the rights of the owner of their table, and so give these rights to
 * triggers of others.  These triggers delete as the current user.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/replica/restore.h"

/*
 * The lock on the parent conflicts with its deletion, not with other changes.
 */
#define PARENT(table, key) \
	"SELECT FROM ONLY qlm." table " p WHERE p." key " = $1 FOR KEY SHARE OF p"
#define CHILD(table, column) \
	"SELECT FROM ONLY qlm." table " c WHERE c." column " = $1 LIMIT 1"

/* For the rows in the transition table old_rows */
#define DELETED(table, column, key) \
	"DELETE FROM ONLY qlm." table " c USING old_rows o WHERE c." column " = o." key
#define LEFT_OVER(table, column, key) \
	"SELECT FROM ONLY qlm." table " c, old_rows o WHERE c." column " = o." key " LIMIT 1"

/* After TRUNCATE */
#define ALL_DELETED(table, column) \
	"DELETE FROM ONLY qlm." table " c WHERE c." column " IS NOT NULL"
#define ANY_LEFT_OVER(table, column) \
	"SELECT FROM ONLY qlm." table " c WHERE c." column " IS NOT NULL LIMIT 1"

typedef struct Link
{
	const char *child;
	const char *column;
	const char *parent;
	const char *key;
	const char *deletes[2];		/* after DELETE, after TRUNCATE */
	const char *left_over[2];
	QlmPlan		find_parent;
	QlmPlan		find_child;
} Link;

#define LINK(child, column, parent, key, type) \
	{child, column, parent, key, \
	{DELETED(child, column, key), ALL_DELETED(child, column)}, \
	{LEFT_OVER(child, column, key), ANY_LEFT_OVER(child, column)}, \
	{PARENT(parent, key), 1, {type}}, {CHILD(child, column), 1, {type}}}

/* The links of a parent are in the order of deletion. */
static Link links[] = {
	LINK("info_item", "object_id", "object", "object_id", INT4OID),
	LINK("object_id", "object_id", "object", "object_id", INT4OID),
	LINK("object", "parent_id", "object", "object_id", INT4OID),
	LINK("meta_data", "info_item_id", "info_item", "info_item_id", INT4OID),
	LINK("subscription_target", "request_id", "subscription", "request_id", INT8OID),
	LINK("forwarded_result", "request_id", "subscription", "request_id", INT8OID),
};

PG_FUNCTION_INFO_V1(qlm_trigger_require_parent);
PG_FUNCTION_INFO_V1(qlm_trigger_keep_key);
PG_FUNCTION_INFO_V1(qlm_trigger_delete_children);

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, bool for_row)
{
	TriggerData *data = qlm_trigger_data(fcinfo, QLM_TRIGGER_AFTER |
										 (for_row ? QLM_TRIGGER_ROW : QLM_TRIGGER_STATEMENT));

	if (RelationGetNamespace(data->tg_relation) != get_rel_namespace(qlm_catalog_relid(QLM_REL_OBJECT)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by triggers of qlm")));
	return data;
}

/* A user who adds a child need not be allowed to see its parent. */
static bool
finds_any(QlmPlan *plan, Datum key)
{
	bool		found = qlm_plan_execute_as_owner(plan, &key, NULL) > 0;

	SPI_freetuptable(SPI_tuptable);
	return found;
}

static Datum
key_of(HeapTuple tuple, Relation rel, const char *column, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(rel);

	return SPI_getbinval(tuple, desc, SPI_fnumber(desc, column), isnull);
}

static char *
key_text(HeapTuple tuple, Relation rel, const char *column)
{
	TupleDesc	desc = RelationGetDescr(rel);

	return SPI_getvalue(tuple, desc, SPI_fnumber(desc, column));
}

/*
 * qlm.require_parent(): after INSERT of a child, or UPDATE of the column with
 * its parent
 */
Datum
qlm_trigger_require_parent(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, true);
	Relation	rel = data->tg_relation;
	HeapTuple	tuple = qlm_trigger_row(data);

	if (qlm_restore_is_active())
		return PointerGetDatum(NULL);
	qlm_storage_begin();
	for (Link *link = links; link < links + lengthof(links); link++)
	{
		bool		isnull;
		Datum		key;

		if (strcmp(link->child, RelationGetRelationName(rel)) != 0)
			continue;
		key = key_of(tuple, rel, link->column, &isnull);
		if (!isnull && !finds_any(&link->find_parent, key))
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("row of qlm.%s refers to a missing row of qlm.%s",
							link->child, link->parent),
					 errdetail("Key (%s)=(%s) is not present in table \"%s\".",
							   link->column, key_text(tuple, rel, link->column),
							   link->parent),
					 errtablecol(rel, SPI_fnumber(RelationGetDescr(rel), link->column))));
	}
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

/* qlm.keep_key(): after UPDATE of the key of a parent */
Datum
qlm_trigger_keep_key(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, true);
	Relation	rel = data->tg_relation;

	qlm_storage_begin();
	for (Link *link = links; link < links + lengthof(links); link++)
	{
		bool		isnull;
		Datum		key;

		if (strcmp(link->parent, RelationGetRelationName(rel)) != 0)
			continue;
		key = key_of(data->tg_trigtuple, rel, link->key, &isnull);
		if (finds_any(&link->find_child, key) && !finds_any(&link->find_parent, key))
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("cannot change the number of a row of qlm.%s: rows of qlm.%s refer to it",
							link->parent, link->child),
					 errdetail("Key (%s)=(%s) is still referenced from table \"%s\".",
							   link->key, key_text(data->tg_trigtuple, rel, link->key),
							   link->child),
					 errtablecol(rel, SPI_fnumber(RelationGetDescr(rel), link->key))));
	}
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

static bool
is_left_over(const char *sql, Snapshot snapshot)
{
	QlmRights	saved;
	bool		found;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_once(sql, 0, snapshot);
	found = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	qlm_rights_restore(&saved);
	return found;
}

/*
 * Children that policies or triggers have kept from being deleted would have
 * no parent.  The same holds for children committed after the snapshot of a
 * transaction that uses only one.
 */
static void
refuse_left_over(const Link *link, const char *sql)
{
	if (is_left_over(sql, InvalidSnapshot))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to delete rows that belong to deleted rows"),
				 errdetail("A policy or a trigger keeps rows of qlm.%s.", link->child)));
	if (IsolationUsesXactSnapshot() && is_left_over(sql, GetLatestSnapshot()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

/* qlm.delete_children(): after DELETE or TRUNCATE of parents */
Datum
qlm_trigger_delete_children(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo, false);
	bool		all = TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);

	if (!all && data->tg_oldtable && tuplestore_tuple_count(data->tg_oldtable) == 0)
		return PointerGetDatum(NULL);
	qlm_storage_begin();
	if (SPI_register_trigger_data(data) < 0)
		elog(ERROR, "could not register the deleted rows");
	for (Link *link = links; link < links + lengthof(links); link++)
	{
		if (strcmp(link->parent, RelationGetRelationName(data->tg_relation)) != 0)
			continue;
		qlm_plan_execute_once(link->deletes[all], 0, InvalidSnapshot);
		refuse_left_over(link, link->left_over[all]);
	}
	qlm_storage_end();
	return PointerGetDatum(NULL);
}
