/*
 * make_partitions.c
 *		qlm_make_partitions(): makes partitions before history is loaded.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_bound.h"
#include "storage/partition/partition_make.h"
#include "storage/partition/partition_move.h"

#define MAX_SPANS	10000
#define LOCK_TRIES	500			/* of 10 ms each */
#define LARGE		1000		/* values whose move is reported */

/*
 * Does not wait in the lock queue, where other sessions would wait behind it.
 */
static void
lock_politely(Oid relid, LOCKMODE mode)
{
	for (int tries = 0; !ConditionalLockRelationOid(relid, mode); tries++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tries == LOCK_TRIES)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not lock table qlm.%s", get_rel_name(relid)),
					 errdetail("Other transactions that have used it have not ended."),
					 errhint("Try again when they have.")));
		pg_usleep(10000L);
	}
}

/* If values have to be moved the lock also excludes readers. */
static void
lock_all(TimestampTz from, TimestampTz to)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);
	Oid			default_relid = qlm_partition_default();
	TimestampTz end = qlm_partition_span_start(to - 1, 1);

	LockDatabaseObject(RelationRelationId, parent, 1, ExclusiveLock);
	lock_politely(parent, ShareRowExclusiveLock);
	if (!OidIsValid(default_relid))
		return;
	lock_politely(default_relid, AccessExclusiveLock);
	if (qlm_partition_has_more(default_relid, qlm_partition_span_start(from, 0), end, 0))
		lock_politely(parent, AccessExclusiveLock);
}

static void
check_request(TimestampTz from, TimestampTz to)
{
	int			n = 0;

	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to) || from > to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partitions need a start and a later end, both finite")));
	for (TimestampTz start = qlm_partition_span_start(from, 0); start < to; start = qlm_partition_span_start(start, 1))
		if (++n > MAX_SPANS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d partitions would be made", MAX_SPANS),
					 errhint("Ask for less, or for longer ones: SET qlm.partition_span = 'year'.")));
	if (qlm_partition_is_in_use(qlm_catalog_relid(QLM_REL_VALUE)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table qlm.value is being used by a statement of this session")));
}

/* Reports a move that keeps others waiting. */
static void
report_large(TimestampTz lower, TimestampTz upper, const char *name)
{
	if (qlm_partition_has_more(qlm_partition_default(), lower, upper, LARGE))
		ereport(NOTICE,
				(errmsg("values of partition qlm.%s are moved there from qlm.value_default, while others wait", name)));
}

/* A partition that workers are filling gets the rest at once. */
static void
finish_growing(int before, TimestampTz end)
{
	QlmPartitionRange range = *qlm_partition_range(before);
	Oid			default_relid = qlm_partition_default();
	QlmRights	saved;

	lock_politely(range.relid, AccessExclusiveLock);
	report_large(range.upper, end, get_rel_name(range.relid));
	qlm_rights_become_owner(&saved);
	(void) qlm_partition_move(default_relid, range.relid, range.upper, end);
	qlm_partition_extend(range.relid, default_relid, end);
	qlm_rights_restore(&saved);
}

/*
 * Makes a partition for the part of a gap that begins at start.  Returns
 * whether one was made.
 */
static bool
make_in_gap(int gap, TimestampTz start)
{
	QlmPartitionRange range = *qlm_partition_range(gap);
	TimestampTz lower = Max(start, range.lower);
	TimestampTz upper = Min(qlm_partition_span_start(start, 1), range.upper);
	TimestampTz end;
	int64		moved = 0;
	char		name[NAMEDATALEN];

	if (qlm_partition_is_growing(gap - 1, &end) && lower < end)
	{
		finish_growing(gap - 1, end);
		return false;
	}
	qlm_partition_name(name, lower, upper);
	if (OidIsValid(get_relname_relid(name, get_rel_namespace(qlm_catalog_relid(QLM_REL_VALUE)))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table qlm.%s exists and is not a partition of qlm.value", name),
				 qlm_partition_taken_hint(name, lower, upper)));
	if (OidIsValid(range.relid))
		report_large(lower, upper, name);
	return qlm_partition_make(name, lower, upper, upper, &moved);
}

static int
make_span(TimestampTz start)
{
	TimestampTz end = qlm_partition_span_start(start, 1);
	TimestampTz at = start;
	int			made = 0;

	while (at < end)
	{
		int			found = qlm_partition_find(at);
		QlmPartitionRange range = *qlm_partition_range(found);

		if (range.is_default)
			made += make_in_gap(found, start);
		range = *qlm_partition_range(qlm_partition_find(at));
		if (range.is_default)
			break;				/* it failed with a warning */
		at = range.upper;
	}
	return made;
}

PG_FUNCTION_INFO_V1(qlm_sql_make_partitions);

/*
 * qlm_make_partitions("from" timestamptz, "to" timestamptz) returns int: the
 * number of partitions made for values of these times
 */
Datum
qlm_sql_make_partitions(PG_FUNCTION_ARGS)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(1);
	int			made = 0;

	PreventCommandIfReadOnly("qlm_make_partitions()");
	check_request(from, to);
	to = Max(to, from + 1);
	qlm_storage_begin();
	lock_all(from, to);
	for (TimestampTz start = qlm_partition_span_start(from, 0); start < to; start = qlm_partition_span_start(start, 1))
	{
		CHECK_FOR_INTERRUPTS();
		made += make_span(start);
	}
	qlm_storage_end();
	PG_RETURN_INT32(made);
}
