/*
 * counts.h
 *		What became of a write beside what it asked for in so many words.
 */
#ifndef QLM_STORAGE_COUNTS_H
#define QLM_STORAGE_COUNTS_H

#include "datatype/timestamp.h"

/* So many are named, the others only counted. */
#define QLM_COUNT_NAMED 3

typedef struct QlmCount
{
	int64		n;
	int			nnamed;
	const char *paths[QLM_COUNT_NAMED]; /* of different InfoItems */
} QlmCount;

typedef struct QlmCounts
{
	int64		received;		/* values */
	int64		repeated;		/* they were there already, the same */
	QlmCount	superseded;		/* by a later one of the message */
	QlmCount	replaced;		/* stored values, by others of this message */
	QlmCount	empty;			/* InfoItems, or lines, without a value */
	QlmCount	made;			/* InfoItems in Objects that were there */
	QlmCount	ahead;			/* values far ahead of the clock */
	TimestampTz latest;			/* of these */
} QlmCounts;

/* Count some, and name the InfoItem, of whose path a copy is made, if there is room. */
extern void qlm_count_add(QlmCount *count, int64 n, const char *path);

/* Add one to the other, of which the first ones are named. */
extern void qlm_counts_add(QlmCounts *counts, const QlmCounts *more);

#endif							/* QLM_STORAGE_COUNTS_H */
