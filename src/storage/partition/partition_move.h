/*
 * partition_move.h
 *		Values out of the default partition, where they have come without one of
 *		their own.
 */
#ifndef QLM_PARTITION_MOVE_H
#define QLM_PARTITION_MOVE_H

#include "datatype/timestamp.h"

/*
 * Move all rows of lower <= ts < upper from one table into another; no trigger fires.  The
 * caller holds AccessExclusiveLock on the first.  Returns how many.
 */
extern int64 qlm_partition_move(Oid from, Oid to, TimestampTz lower, TimestampTz upper);

/* Are there more than n of them?  True as well if no index can tell quickly. */
extern bool qlm_partition_has_more(Oid relid, TimestampTz lower, TimestampTz upper, int n);

/*
 * The time of the first row of lower <= ts < upper; DT_NOEND if there is none, or if no index
 * can tell quickly.
 */
extern TimestampTz qlm_partition_first(Oid relid, TimestampTz lower, TimestampTz upper);

/*
 * A time so that about n rows of lower <= ts < upper lie before it; rows of one time are not
 * torn apart.  upper if there are no more than n; DT_NOBEGIN if too many share one time.
 */
extern TimestampTz qlm_partition_cut(Oid relid, TimestampTz lower, TimestampTz upper, int n);

#endif							/* QLM_PARTITION_MOVE_H */
