/*
 * partition_bound.h
 *		What the catalog says of the bounds of partitions of qlm.value.
 */
#ifndef QLM_PARTITION_BOUND_H
#define QLM_PARTITION_BOUND_H

#include "datatype/timestamp.h"

/*
 * The default partition, which is locked (AccessExclusiveLock), holds nothing
 * of lower <= ts < upper: between these, attaching a partition for that need not look.
 */
extern void qlm_partition_claim(Oid default_relid, TimestampTz lower, TimestampTz upper);
extern void qlm_partition_unclaim(Oid default_relid);

/*
 * Have a partition go on until a later time.  It, the default partition, which
 * holds nothing of that, and the parent are locked against all who write or
 * have read them.
 */
extern void qlm_partition_extend(Oid relid, Oid default_relid, TimestampTz upper);

#endif							/* QLM_PARTITION_BOUND_H */
