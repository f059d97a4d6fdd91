/*
 * partition_bound.c
 *		Bounds of partitions of qlm.value in the catalog.
 *
 * ATTACH PARTITION scans the default partition, while everybody waits, to
 * check that no row belongs to the new one, unless a constraint says so.  That
 * is known here, from an index or because the rows have just been moved.  So a
 * constraint is added that is marked as valid, and removed in the same
 * transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/datetime.h"
#include "storage/core/catalog.h"
#include "storage/partition/partition_bound.h"

#define CLAIM "qlm_holds_nothing_of_the_new_partition"

static Node *
parse_expression(const char *sql)
{
	List	   *parsed = raw_parser(sql, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;

	return ((ResTarget *) linitial(select->targetList))->val;
}

void
qlm_partition_claim(Oid default_relid, TimestampTz lower, TimestampTz upper)
{
	Relation	rel = table_open(default_relid, AccessExclusiveLock);
	Constraint *claim = makeNode(Constraint);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "ts OPERATOR(pg_catalog.<) '");
	qlm_datetime_append(&sql, lower);
	appendStringInfoString(&sql, "'::pg_catalog.timestamptz OR ts OPERATOR(pg_catalog.>=) '");
	qlm_datetime_append(&sql, upper);
	appendStringInfoString(&sql, "'::pg_catalog.timestamptz");

	claim->contype = CONSTR_CHECK;
	claim->conname = CLAIM;
	claim->location = -1;
	claim->raw_expr = parse_expression(sql.data);
	claim->initially_valid = true;
	claim->skip_validation = true;
	qlm_constraint_enforced(claim);
	(void) AddRelationNewConstraints(rel, NIL, list_make1(claim), false, true,
									 true, sql.data);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
qlm_partition_unclaim(Oid default_relid)
{
	ObjectAddress claim;

	ObjectAddressSet(claim, ConstraintRelationId,
					 get_relation_constraint_oid(default_relid, CLAIM, false));
	performDeletion(&claim, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	CommandCounterIncrement();
}

/* Returns the same bound with another end. */
static char *
move_end(const char *bound, TimestampTz upper)
{
	PartitionBoundSpec *spec = stringToNode(bound);
	PartitionRangeDatum *end = linitial(spec->upperdatums);

	if (spec->strategy != PARTITION_STRATEGY_RANGE || spec->is_default ||
		list_length(spec->upperdatums) != 1 ||
		end->kind != PARTITION_RANGE_DATUM_VALUE)
		elog(ERROR, "a partition of qlm.value has another kind of bound");
	castNode(Const, end->value)->constvalue = TimestampTzGetDatum(upper);
	return nodeToString(spec);
}

void
qlm_partition_extend(Oid relid, Oid default_relid, TimestampTz upper)
{
	Relation	catalog = table_open(RelationRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
	HeapTuple	changed;
	Datum		values[Natts_pg_class] = {0};
	bool		nulls[Natts_pg_class] = {0};
	bool		replaces[Natts_pg_class] = {0};
	Datum		bound;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	bound = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
	if (isnull)
		elog(ERROR, "relation %u has no partition bound", relid);
	values[Anum_pg_class_relpartbound - 1] =
		CStringGetTextDatum(move_end(TextDatumGetCString(bound), upper));
	replaces[Anum_pg_class_relpartbound - 1] = true;
	changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replaces);
	CatalogTupleUpdate(catalog, &changed->t_self, changed);
	table_close(catalog, RowExclusiveLock);

	CacheInvalidateRelcacheByRelid(relid);
	CacheInvalidateRelcacheByRelid(default_relid);
	CacheInvalidateRelcacheByRelid(qlm_catalog_relid(QLM_REL_VALUE));
	CommandCounterIncrement();
}
