/*
 * partition_make.c
 *		Makes new partitions of qlm.value in time.
 *
 * They are days, months or years by UTC. They are attached to the parent, not
 * created in it, so that others can go on reading and writing.  If a partition
 * cannot be made, values go to the default one and are moved later.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/datetime.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_bound.h"
#include "storage/partition/partition_make.h"
#include "storage/partition/partition_move.h"
#include "storage/partition/partition_table.h"

/* Values moved while a writer waits; larger numbers are left to the workers. */
#define MOVE_AT_ONCE	1000

/* Nobody waits longer for a new partition than for a few locks of this time. */
#define LOCK_MS			"10ms"
#define AGAIN_MS		1000	/* after locks were not available */

int			qlm_partitions_ahead = 1;
int			qlm_partition_years_back = 20;
int			qlm_partition_years_ahead = 2;

bool
qlm_partition_is_in_use(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		in_use = rel->rd_refcnt > 1 || AfterTriggerPendingOnRel(relid);

	table_close(rel, NoLock);
	return in_use;
}

static void
execute(const char *format,...) pg_attribute_printf(1, 2);

static void
execute(const char *format,...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&buf, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	qlm_plan_execute_once(buf.data, 0, InvalidSnapshot);
	pfree(buf.data);
}

int
qlm_partition_taken_hint(const char *name, TimestampTz lower, TimestampTz upper)
{
	StringInfoData from;
	StringInfoData to;

	initStringInfo(&from);
	qlm_datetime_append(&from, lower);
	initStringInfo(&to);
	qlm_datetime_append(&to, upper);
	return errhint("ALTER TABLE qlm.value ATTACH PARTITION qlm.%s FOR VALUES FROM ('%s') TO ('%s'); or rename it, or drop it.",
				   name, from.data, to.data);
}

/*
 * The table is new, so nobody waits for its locks.  Attaching it would scan
 * the default partition, which is avoided by a constraint.
 */
static void
make_partition(const char *name, TimestampTz lower, TimestampTz upper,
			   TimestampTz end, int64 *moved)
{
	Oid			default_relid = qlm_partition_default();
	StringInfoData from;
	StringInfoData to;
	StringInfoData until;
	bool		claims = OidIsValid(default_relid) &&
		!qlm_partition_table_is_empty(default_relid);

	initStringInfo(&from);
	qlm_datetime_append(&from, lower);
	initStringInfo(&to);
	qlm_datetime_append(&to, upper);
	initStringInfo(&until);
	qlm_datetime_append(&until, end);
	qlm_partition_create_table(name, psprintf("values from %s to %s", from.data, until.data));
	if (claims)
	{
		*moved = qlm_partition_move(default_relid,
									get_relname_relid(name, get_rel_namespace(default_relid)),
									lower, upper);
		qlm_partition_claim(default_relid, lower, upper);
	}
	qlm_partition_finish_table(name);
	execute("ALTER TABLE qlm.value ATTACH PARTITION qlm.%s"
			" FOR VALUES FROM ('%s') TO ('%s')", name, from.data, to.data);
	if (claims)
		qlm_partition_unclaim(default_relid);
}

bool
qlm_partition_make(const char *name, TimestampTz lower, TimestampTz upper,
				   TimestampTz end, int64 *moved)
{
	QlmRights	saved;
	volatile bool made = true;

	QLM_SUBTRANSACTION_TRY();
	{
		qlm_rights_become_owner(&saved);
		make_partition(name, lower, upper, end, moved);
		qlm_rights_restore(&saved);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (qlm_error_must_leave(error))
			ReThrowError(error);
		ereport(WARNING,
				(errmsg("could not make partition qlm.%s: %s",
						name, error->message),
				 errdetail("Its values go to qlm.value_default.")));
		FreeErrorData(error);
		made = false;
	}
	QLM_SUBTRANSACTION_END();
	return made;
}

/*
 * The parent is locked last: others would wait for it while this waits,
 * perhaps for a vacuum.
 */
static void
lock_tables(Oid grows, LOCKMODE parent_mode)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);

	LockDatabaseObject(RelationRelationId, parent, 1, ExclusiveLock);
	if (OidIsValid(qlm_partition_default()))
		LockRelationOid(qlm_partition_default(), AccessExclusiveLock);
	if (OidIsValid(grows))
		LockRelationOid(grows, AccessExclusiveLock);
	LockRelationOid(parent, parent_mode);
}

bool
qlm_partition_lock(Oid grows, LOCKMODE parent_mode)
{
	volatile bool locked = true;

	QLM_SUBTRANSACTION_TRY();
	{
		int			nest_level = NewGUCNestLevel();

		(void) set_config_option("lock_timeout", LOCK_MS, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		lock_tables(grows, parent_mode);
		AtEOXact_GUC(true, nest_level);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		FreeErrorData(error);
		locked = false;
	}
	QLM_SUBTRANSACTION_END();
	return locked;
}

/* A range that is not tried again for now, to avoid useless locks */
static struct
{
	TimestampTz lower;			/* many values of this range */
	TimestampTz upper;			/* lie in the default partition */
	uint64		generation;		/* valid for this generation */
	TimestampTz again_at;		/* after a lock was not available */
} hopeless;

/*
 * Finds the part of the gap for which a partition would be made.  Returns
 * false if it is being filled.
 */
static bool
find_part(int gap, TimestampTz ts, TimestampTz *lower, TimestampTz *upper)
{
	QlmPartitionRange range = *qlm_partition_range(gap);
	TimestampTz end;

	*lower = Max(qlm_partition_span_start(ts, 0), range.lower);
	*upper = Min(qlm_partition_span_start(ts, 1), range.upper);
	return !(qlm_partition_is_growing(gap - 1, &end) && ts < end);
}

/*
 * Is there another table of that name, e.g. a detached partition?  Then values
 * go to the default partition, which is logged once.
 */
static bool
is_taken(TimestampTz lower, TimestampTz upper)
{
	static char told[NAMEDATALEN];
	char		name[NAMEDATALEN];

	qlm_partition_name(name, lower, upper);
	if (!OidIsValid(get_relname_relid(name, get_rel_namespace(qlm_catalog_relid(QLM_REL_VALUE)))))
		return false;
	if (strcmp(told, name) != 0)
		ereport(LOG,
				(errmsg("values go to qlm.value_default, as table qlm.%s exists and is not a partition of qlm.value", name),
				 qlm_partition_taken_hint(name, lower, upper)));
	strlcpy(told, name, NAMEDATALEN);
	return true;
}

static bool
is_hopeless(TimestampTz ts)
{
	int			found = qlm_partition_find(ts);
	QlmPartitionRange range = *qlm_partition_range(found);
	uint64		generation = qlm_catalog_generation(QLM_REL_VALUE);
	TimestampTz lower;
	TimestampTz upper;
	bool		is_free;

	if (hopeless.again_at > GetCurrentTimestamp())
		return true;
	if (!range.is_default)
		return false;
	is_free = find_part(found, ts, &lower, &upper);
	if (is_free && is_taken(lower, upper))
		return true;
	if (!OidIsValid(range.relid))
		return false;
	if (hopeless.generation == generation && ts >= hopeless.lower && ts < hopeless.upper)
		return true;
	if (is_free && !qlm_partition_has_more(range.relid, lower, upper, MOVE_AT_ONCE))
		return false;
	hopeless.generation = generation;
	hopeless.lower = lower;
	hopeless.upper = upper;
	return true;
}

static bool
try_lock(LOCKMODE parent_mode)
{
	if (qlm_partition_lock(InvalidOid, parent_mode))
		return true;
	hopeless.again_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), AGAIN_MS);
	return false;
}

/*
 * With all tables locked, may the partition be made?  If values must be moved,
 * the lock excludes readers, too; and there must be few, as everybody waits.
 */
static bool
may_make(const QlmPartitionRange *gap, TimestampTz lower, TimestampTz upper)
{
	if (!OidIsValid(gap->relid) ||
		!qlm_partition_has_more(gap->relid, lower, upper, 0))
		return true;
	return !qlm_partition_has_more(gap->relid, lower, upper, MOVE_AT_ONCE) &&
		try_lock(AccessExclusiveLock);
}

/*
 * Other processes can neither make partitions nor write until this commits;
 * then they look again.  Readers of the default partition are not waited for.
 * If existing partitions leave less than a span, the new one fills that.
 */
static bool
make_span(TimestampTz ts)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);
	QlmPartitionRange range;
	TimestampTz lower;
	TimestampTz upper;
	int			found;
	int64		moved = 0;
	char		name[NAMEDATALEN];

	if (qlm_partition_is_in_use(parent) || is_hopeless(ts) ||
		!try_lock(ShareRowExclusiveLock))
		return false;
	found = qlm_partition_find(ts);
	range = *qlm_partition_range(found);
	if (!range.is_default)
		return true;
	if (!find_part(found, ts, &lower, &upper))
		return false;
	if (is_taken(lower, upper) || !may_make(&range, lower, upper))
		return false;
	qlm_partition_name(name, lower, upper);
	return qlm_partition_make(name, lower, upper, upper, &moved);
}

void
qlm_partition_wanted_times(TimestampTz now, TimestampTz *from, TimestampTz *to)
{
	*from = now - (int64) (qlm_partition_years_back * 365.25) * USECS_PER_DAY;
	*to = now + (int64) (qlm_partition_years_ahead * 365.25) * USECS_PER_DAY;
}

/* Is a time near enough to now to get a partition? */
static bool
is_wanted(TimestampTz ts, TimestampTz now)
{
	TimestampTz from;
	TimestampTz to;

	qlm_partition_wanted_times(now, &from, &to);
	return ts >= from && ts <= to;
}

void
qlm_partition_prepare(const TimestampTz *times, int n)
{
	TimestampTz now = 0;
	QlmPartitionRange range = {0};
	TimestampTz refused_from = DT_NOEND;
	TimestampTz refused_to = DT_NOBEGIN;

	for (int i = 0; i < n; i++)
	{
		if ((range.lower < range.upper && qlm_partition_covers(&range, times[i])) ||
			(times[i] >= refused_from && times[i] < refused_to))
			continue;
		range = *qlm_partition_range(qlm_partition_find(times[i]));
		if (!range.is_default)
			continue;
		range.upper = range.lower;
		if (now == 0)
			now = GetCurrentTimestamp();
		if (!is_wanted(times[i], now) || make_span(times[i]))
			continue;
		refused_from = qlm_partition_span_start(times[i], 0);
		refused_to = qlm_partition_span_start(times[i], 1);
	}
}

void
qlm_partition_ensure(TimestampTz now)
{
	TimestampTz start = now;

	for (int i = 0; i <= qlm_partitions_ahead; i++)
	{
		qlm_partition_prepare(&start, 1);
		start = qlm_partition_span_start(start, 1);
	}
}

/*
 * A partition restored from a dump may belong to another user; that is logged
 * once.
 */
static bool
is_ours(Oid relid)
{
	static bool told = false;

	if (qlm_relation_ownercheck(relid, qlm_catalog_owner()))
		return true;
	if (!told)
		ereport(LOG,
				(errmsg("qlm cannot drop empty partition \"%s\", which has another owner",
						get_rel_name(relid)),
				 errhint("SELECT qlm.adopt_partitions(), as superuser.")));
	told = true;
	return false;
}

/* A conditional lock, so that no queue of writers forms behind this. */
static bool
drop_partition(const QlmPartitionRange *range)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);
	Oid			relid = range->relid;
	QlmRights	saved;

	if (qlm_partition_is_in_use(parent) ||
		!ConditionalLockRelationOid(parent, AccessExclusiveLock))
		return false;
	if (!ConditionalLockRelationOid(relid, AccessExclusiveLock) ||
		!qlm_partition_table_is_empty(relid))
		return false;
	qlm_rights_become_owner(&saved);
	execute("DROP TABLE %s", quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
														get_rel_name(relid)));
	qlm_rights_restore(&saved);
	return true;
}

bool
qlm_partition_drop_empty(TimestampTz now)
{
	int			n;
	const QlmPartitionRange *ranges = qlm_partition_ranges(&n);

	for (int i = 0; i < n; i++)
		if (!ranges[i].is_default && ranges[i].upper < now - USECS_PER_DAY &&
			qlm_partition_table_is_empty(ranges[i].relid) && is_ours(ranges[i].relid))
			return drop_partition(&ranges[i]);
	return false;
}
