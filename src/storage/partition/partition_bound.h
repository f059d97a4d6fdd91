/*
 * partition_bound.h
 *		What the catalog says of the bounds of partitions of qlm.value.
 */
#ifndef QLM_PARTITION_BOUND_H
#define QLM_PARTITION_BOUND_H

#include "datatype/timestamp.h"

/*
 * Between these two, attaching a partition for lower <= ts < upper does not scan the default
 * one, which holds none of these times.  The caller holds AccessExclusiveLock on it.
 */
extern void qlm_partition_claim(Oid default_relid, TimestampTz lower, TimestampTz upper);
extern void qlm_partition_unclaim(Oid default_relid);

/*
 * Move the upper bound of a partition to a later time, of which the default partition holds
 * nothing.  The caller holds AccessExclusiveLock on both and on their parent.
 */
extern void qlm_partition_extend(Oid relid, Oid default_relid, TimestampTz upper);

#endif							/* QLM_PARTITION_BOUND_H */
