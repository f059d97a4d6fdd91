/*
 * partition_drain.c
 *		Moves values from the default partition to their own, step by step.
 *
 * History that is loaded without partitions is in the default one.  A
 * partition cannot be attached while values of its range are elsewhere, and
 * values must be visible at all times.  So the new partition begins with the
 * first of them, and each step moves the next ones and moves its end.  Values
 * not moved yet are read, written and corrected where they are.  The state is
 * in the catalog only, so after a crash another process goes on.
 *
 * A step locks out readers and writers while it runs, and waits for them no
 * longer than that.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "storage/core/catalog.h"
#include "storage/core/rights.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_bound.h"
#include "storage/partition/partition_drain.h"
#include "storage/partition/partition_make.h"
#include "storage/partition/partition_move.h"

#define REST_MS		(60 * 60 * 1000)	/* after values that cannot be moved */
#define LOOK_MS		5000		/* a new look is not worth while earlier */
#define MAX_FAILURES	10		/* failures in a row before a rest */

/* What this process moves */
static struct
{
	TimestampTz from;			/* earlier values are left where they are */
	TimestampTz again_at;		/* time of the next look */
	char		name[NAMEDATALEN];	/* name of the partition; empty: none */
	TimestampTz began_at;
	int64		moved;
	int			failures;
	VirtualTransactionId *seen; /* transactions with a snapshot at the last step */
	int			nseen;
	TimestampTz seen_at;
} progress = {DT_NOBEGIN};

/* A partition to be made or extended */
typedef struct Target
{
	char		name[NAMEDATALEN];
	Oid			grows;			/* InvalidOid: to be made */
	TimestampTz lower;			/* of the values to be moved */
	TimestampTz upper;
} Target;

/* Finds the partition for a value in the default one. */
static void
find_target(TimestampTz ts, Target *target)
{
	int			found = qlm_partition_find(ts);
	QlmPartitionRange range = *qlm_partition_range(found);
	TimestampTz end;

	target->grows = InvalidOid;
	if (qlm_partition_is_growing(found - 1, &end) && ts < end)
	{
		QlmPartitionRange before = *qlm_partition_range(found - 1);

		target->grows = before.relid;
		target->lower = before.upper;
		target->upper = end;
		qlm_partition_name(target->name, before.lower, end);
		return;
	}
	target->lower = Max(qlm_partition_span_start(ts, 0), range.lower);
	target->upper = Min(qlm_partition_span_start(ts, 1), range.upper);
	qlm_partition_name(target->name, target->lower, target->upper);
}

/* Finds the first value to be moved.  Returns false if there is none. */
static bool
find_work(Target *target)
{
	Oid			relid = qlm_partition_default();
	TimestampTz from;
	TimestampTz to;
	TimestampTz first;

	if (!OidIsValid(relid) || qlm_partition_table_is_empty(relid))
		return false;
	qlm_partition_wanted_times(GetCurrentTimestamp(), &from, &to);
	first = qlm_partition_first(relid, Max(from, progress.from), to);
	if (TIMESTAMP_IS_NOEND(first))
		return false;
	find_target(first, target);
	return true;
}

/*
 * Is a transaction still running that had a snapshot at the last step?  With
 * that snapshot it would not see values moved since.
 */
static bool
old_snapshots_remain(void)
{
	int			n;
	VirtualTransactionId *now = GetCurrentVirtualXIDs(InvalidTransactionId, true, false,
													  PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &n);
	bool		remain = TimestampDifferenceExceeds(progress.seen_at, GetCurrentTimestamp(),
													LOOK_MS);

	for (int i = 0; i < n && !remain; i++)
		for (int j = 0; j < progress.nseen && !remain; j++)
			remain = VirtualTransactionIdEquals(now[i], progress.seen[j]);
	if (progress.seen != NULL)
		pfree(progress.seen);
	progress.seen = MemoryContextAlloc(TopMemoryContext,
									   Max(n, 1) * sizeof(VirtualTransactionId));
	memcpy(progress.seen, now, n * sizeof(VirtualTransactionId));
	progress.nseen = n;
	progress.seen_at = GetCurrentTimestamp();
	pfree(now);
	return remain;
}

static void
report_begin(const Target *target)
{
	if (strcmp(progress.name, target->name) == 0)
		return;
	strlcpy(progress.name, target->name, NAMEDATALEN);
	progress.began_at = GetCurrentTimestamp();
	progress.moved = 0;
}

/* Logged at the first of several steps, and after the last. */
static void
report_step(const Target *target, int64 moved, bool done)
{
	bool		is_first = progress.moved == 0;

	progress.moved += moved;
	if (!done && is_first)
		ereport(LOG,
				(errmsg("qlm moves values from qlm.value_default into partition qlm.%s, step by step",
						target->name)));
	else if (done)
		ereport(is_first ? DEBUG1 : LOG,
				(errmsg("qlm has moved %lld values from qlm.value_default into partition qlm.%s in %.1f s",
						(long long) progress.moved, target->name,
						(GetCurrentTimestamp() - progress.began_at) / 1e6)));
	if (done)
		progress.name[0] = '\0';
}

/*
 * Leaves values in the default partition.  It is logged once, as the next look
 * begins after them.
 */
static void
leave(const Target *target, const char *why, bool is_taken)
{
	ereport(LOG,
			(errmsg("qlm leaves values of partition qlm.%s in qlm.value_default: %s",
					target->name, why),
			 is_taken ? qlm_partition_taken_hint(target->name, target->lower, target->upper) : 0));
	progress.from = target->upper;
	progress.again_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), REST_MS);
}

/* All tables must be locked. */
static void
move(const Target *target, int max)
{
	Oid			default_relid = qlm_partition_default();
	TimestampTz cut = qlm_partition_cut(default_relid, target->lower, target->upper, max);
	int64		moved = 0;

	if (TIMESTAMP_IS_NOBEGIN(cut))
	{
		leave(target, "too many have the same time to be moved in one step", false);
		return;
	}
	report_begin(target);
	if (!OidIsValid(target->grows))
	{
		if (!qlm_partition_make(target->name, target->lower, cut, target->upper, &moved))
		{
			leave(target, "the partition could not be made", false);
			return;
		}
	}
	else
	{
		moved = qlm_partition_move(default_relid, target->grows, target->lower, cut);
		qlm_partition_extend(target->grows, default_relid, cut);
	}
	report_step(target, moved, cut == target->upper);
}

static bool
give_way(void)
{
	if (++progress.failures < MAX_FAILURES)
		return true;
	progress.failures = 0;
	return false;
}

static bool
step(int max)
{
	Target		target;
	Target		now;

	if (progress.from != DT_NOBEGIN && GetCurrentTimestamp() > progress.again_at)
		progress.from = DT_NOBEGIN;
	if (!find_work(&target))
		return false;
	if (!OidIsValid(target.grows) &&
		OidIsValid(get_relname_relid(target.name,
									 get_rel_namespace(qlm_catalog_relid(QLM_REL_VALUE)))))
	{
		leave(&target, "there is a table of this name", true);
		return true;
	}
	if (old_snapshots_remain() ||
		!qlm_partition_lock(target.grows, AccessExclusiveLock))
		return give_way();
	progress.failures = 0;
	if (!find_work(&now) || memcmp(&now.lower, &target.lower, sizeof(TimestampTz)) != 0 ||
		now.grows != target.grows)
		return true;
	move(&target, max);
	return true;
}

bool
qlm_partition_drain_step(int max)
{
	QlmRights	saved;
	bool		more;

	if (XactReadOnly)
		return false;
	qlm_rights_become_owner(&saved);
	more = step(max);
	qlm_rights_restore(&saved);
	return more;
}
