/*
 * write_outcome.h
 *		Counts the results of each of many writes.
 */
#ifndef QLM_WRITE_OUTCOME_H
#define QLM_WRITE_OUTCOME_H

#include "storage/object/missing_nodes.h"
#include "storage/value/value_row.h"
#include "storage/write/write_counts.h"

/* One message's payload, and what became of it */
typedef struct QlmWrite
{
	QlmOdf	   *odf;			/* aliases in it are replaced */
	int			peer_id;		/* who writes; 0: this node */
	TimestampTz received_at;	/* for values without a time */

	/* Out: 0, or 400 with a sentence; then nothing of it was stored. */
	int			error_code;
	const char *error;
	QlmWriteCounts counts;		/* but of what is far ahead */

	/* While it runs */
	uint32		arrival;		/* of its first value */
	bool		makes;			/* Objects or InfoItems */
	bool		lacks;			/* an InfoItem of it has no value */
} QlmWrite;

typedef struct QlmWriteOutcome QlmWriteOutcome;

/* Paths that are named go into the current memory context. */
extern QlmWriteOutcome *qlm_write_outcome_create(QlmWrite *writes, int n);

/* All that was missing has been made. */
extern void qlm_write_outcome_add_made(QlmWriteOutcome *outcome, const QlmMissingNodes *missing);

/* For QlmValueObserver */
extern void qlm_write_outcome_add_value(void *outcome, const QlmValueRow *row,
										const QlmValueRow *later, QlmValueFate fate);

/* All is done: the counts of the writes are complete. */
extern void qlm_write_outcome_finish(QlmWriteOutcome *outcome);

#endif							/* QLM_WRITE_OUTCOME_H */
