/*
 * partition.h
 *		The partitions of qlm.value: which there are, and new ones in time.
 */
#ifndef QLM_STORAGE_PARTITION_H
#define QLM_STORAGE_PARTITION_H

#include "datatype/timestamp.h"

/* A span of time, lower <= ts < upper, whose values lie in one table */
typedef struct QlmRange
{
	TimestampTz lower;			/* DT_NOBEGIN: since ever */
	TimestampTz upper;			/* DT_NOEND: for ever */
	Oid			relid;
	bool		is_default;		/* a gap: the table is the default partition */
	bool		is_filled;		/* private */
} QlmRange;

/* Ascending and without holes; valid until the next statement is executed. */
extern const QlmRange *qlm_partition_ranges(int *n);

/* Which of them holds a time? */
extern int	qlm_partition_find(TimestampTz ts);
extern bool qlm_partition_covers(const QlmRange *range, TimestampTz ts);

/* Has the range's table no rows at all?  Cheap. */
extern bool qlm_partition_is_empty(const QlmRange *range);

/* Make partitions for months that want one: before values are inserted. */
extern void qlm_partition_prepare(const TimestampTz *times, int n);

/* Make those of this month and of the next one, if they are missing. */
extern void qlm_partition_ensure(TimestampTz now);

#endif							/* QLM_STORAGE_PARTITION_H */
