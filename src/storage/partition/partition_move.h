/*
 * partition_move.h
 *		Values out of the default partition, where they have come without one of
 *		their own.
 */
#ifndef QLM_PARTITION_MOVE_H
#define QLM_PARTITION_MOVE_H

#include "datatype/timestamp.h"

/*
 * All rows of lower <= ts < upper, from one table, which is locked
 * (AccessExclusiveLock), into another one; nothing fires.  How many?
 */
extern int64 qlm_partition_move(Oid from, Oid to, TimestampTz lower, TimestampTz upper);

/* Are there more of them than so many?  Yes, too, where no index says it quickly. */
extern bool qlm_partition_has_more(Oid relid, TimestampTz lower, TimestampTz upper, int n);

/*
 * The time of the first row of lower <= ts < upper; DT_NOEND: there is none, or no
 * index that says it quickly.
 */
extern TimestampTz qlm_partition_first(Oid relid, TimestampTz lower, TimestampTz upper);

/*
 * The time before which lie so many rows, with all that share a time; upper, if there
 * are no more; DT_NOBEGIN: too many share one.
 */
extern TimestampTz qlm_partition_cut(Oid relid, TimestampTz lower, TimestampTz upper, int n);

#endif							/* QLM_PARTITION_MOVE_H */
