/*
 * partition_make.h
 *		New partitions of qlm.value, and the locks that this takes.
 */
#ifndef QLM_PARTITION_MAKE_H
#define QLM_PARTITION_MAKE_H

#include "datatype/timestamp.h"
#include "storage/lockdefs.h"

/* Settings */
extern int	qlm_partitions_ahead;	/* made before their time comes */
extern int	qlm_partition_years_back;	/* older and */
extern int	qlm_partition_years_ahead;	/* later times get none */

/* Times from here to there, both included, are near enough to have partitions. */
extern void qlm_partition_wanted_times(TimestampTz now, TimestampTz *from, TimestampTz *to);

/*
 * Make partitions for times that want one, before values are inserted.  Where
 * many values of that time lie in the default partition, the new ones go there too.
 */
extern void qlm_partition_prepare(const TimestampTz *times, int n);

/* Make that of now and those that are to be there ahead. */
extern void qlm_partition_ensure(TimestampTz now);

/*
 * Drop a partition of the past without any rows, where nobody has to wait for
 * that; false: there is none.
 */
extern bool qlm_partition_drop_empty(TimestampTz now);

/*
 * Make one for lower <= ts < upper, with all values of that time, which the
 * default partition holds; end: until when it will go.  Both the parent and the default
 * partition are locked (qlm_partition_lock).  False, after a warning: it could not be made.
 */
extern bool qlm_partition_make(const char *name, TimestampTz lower, TimestampTz upper,
							   TimestampTz end, int64 *moved);

/*
 * Lock the parent in this mode, which keeps at least writers out, the default
 * partition, and one that will get values from it, if there is one.  Nobody is waited for any longer than
 * others can wait for us; false: some are not ours.
 *
 * A statement looks up the partitions when it has locked the parent: so who has not yet
 * will find a new one.  To move values the parent must be locked against readers, too
 * (AccessExclusiveLock): they would look where the values were.
 */
extern bool qlm_partition_lock(Oid grows, LOCKMODE parent_mode);

/* What to do about a table that has the name which a partition should have: for ereport */
extern int	qlm_partition_taken_hint(const char *name, TimestampTz lower, TimestampTz upper);

/* Does a statement of this session that is under way keep tables from being altered? */
extern bool qlm_partition_is_in_use(Oid relid);

#endif							/* QLM_PARTITION_MAKE_H */
