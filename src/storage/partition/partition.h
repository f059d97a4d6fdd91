/*
 * partition.h
 *		The partitions of qlm.value: which there are, and what they are called.
 */
#ifndef QLM_PARTITION_H
#define QLM_PARTITION_H

#include "datatype/timestamp.h"

/* How much time a new partition covers */
typedef enum QlmSpan
{
	QLM_SPAN_DAY,
	QLM_SPAN_MONTH,
	QLM_SPAN_YEAR
} QlmSpan;

/* A setting */
extern int	qlm_partition_span;

/* A span of time, lower <= ts < upper, whose values lie in one table */
typedef struct QlmPartitionRange
{
	TimestampTz lower;			/* DT_NOBEGIN: since ever */
	TimestampTz upper;			/* DT_NOEND: for ever */
	Oid			relid;
	bool		is_default;		/* a gap: the table is the default partition */
	bool		is_filled;		/* private */
} QlmPartitionRange;

/* Ascending and without holes; valid until the next statement is executed. */
extern const QlmPartitionRange *qlm_partition_ranges(int *n);

/* A copy of them in the current memory context, for who executes statements on each */
extern QlmPartitionRange *qlm_partition_copy_ranges(int *n);

/* Which of them holds a time? */
extern int	qlm_partition_find(TimestampTz ts);
extern bool qlm_partition_covers(const QlmPartitionRange *range, TimestampTz ts);

/* Has the range's table no rows at all?  Cheap. */
extern bool qlm_partition_is_empty(const QlmPartitionRange *range);

/* First moment of the span so many spans after that of a time */
extern TimestampTz qlm_partition_span_start(TimestampTz ts, int spans);

/* A table's name says its span, or both ends where it is cut short. */
extern void qlm_partition_name(char *name, TimestampTz lower, TimestampTz upper);

/*
 * Is the range with this number a partition that is being filled, step by step,
 * from the default one?  Until when will it go?
 */
extern bool qlm_partition_is_growing(int i, TimestampTz *end);

extern bool qlm_partition_table_is_empty(Oid relid);

/* That range; and the default partition, InvalidOid: there is none */
extern const QlmPartitionRange *qlm_partition_range(int i);
extern Oid	qlm_partition_default(void);

#endif							/* QLM_PARTITION_H */
