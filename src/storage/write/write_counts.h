/*
 * write_counts.h
 *		Counts side effects of a write, for the answer.
 */
#ifndef QLM_WRITE_COUNTS_H
#define QLM_WRITE_COUNTS_H

#include "datatype/timestamp.h"

/* So many are named, the others only counted. */
#define QLM_WRITE_COUNT_NAMED 3

typedef struct QlmWriteCount
{
	int64		n;
	int			nnamed;
	const char *paths[QLM_WRITE_COUNT_NAMED]; /* of different InfoItems */
} QlmWriteCount;

typedef struct QlmWriteCounts
{
	int64		received;		/* values */
	int64		repeated;		/* they were there already, the same */
	QlmWriteCount superseded;	/* by a later one of the message */
	QlmWriteCount replaced;		/* stored values, by others of this message */
	QlmWriteCount empty;		/* InfoItems, or lines, without a value */
	QlmWriteCount made;			/* InfoItems in Objects that were there */
	QlmWriteCount ahead;		/* values far ahead of the clock */
	TimestampTz latest;			/* of these */
} QlmWriteCounts;

/* Count some, and name the InfoItem, of whose path a copy is made, if there is room. */
extern void qlm_write_count_add(QlmWriteCount *count, int64 n, const char *path);

/* Add one to the other, of which the first ones are named. */
extern void qlm_write_counts_add(QlmWriteCounts *counts, const QlmWriteCounts *more);

#endif							/* QLM_WRITE_COUNTS_H */
