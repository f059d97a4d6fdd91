/*
 * partition.h
 *		The partitions of qlm.value: which there are, and new ones in time.
 */
#ifndef QLM_STORAGE_PARTITION_H
#define QLM_STORAGE_PARTITION_H

#include "datatype/timestamp.h"

/* How much time a new partition covers */
typedef enum QlmSpan
{
	QLM_SPAN_DAY,
	QLM_SPAN_MONTH,
	QLM_SPAN_YEAR
} QlmSpan;

/* Settings */
extern int	qlm_partition_span;
extern int	qlm_partitions_ahead;	/* made before their time comes */
extern int	qlm_partition_years_back;	/* older and */
extern int	qlm_partition_years_ahead;	/* later times get none */

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

/* Make partitions for times that want one: before values are inserted. */
extern void qlm_partition_prepare(const TimestampTz *times, int n);

/* Make that of now and those that are to be there ahead. */
extern void qlm_partition_ensure(TimestampTz now);

/*
 * Drop a partition of the past without any rows, where nobody has to wait for
 * that; false: there is none.
 */
extern bool qlm_partition_drop_empty(TimestampTz now);

#endif							/* QLM_STORAGE_PARTITION_H */
