/*
 * write_outcome.h
 *		Counts for each of many writes what became of it.
 */
#ifndef QLM_WRITE_OUTCOME_H
#define QLM_WRITE_OUTCOME_H

#include "storage/object/missing_nodes.h"
#include "storage/value/value_insert.h"
#include "storage/write/write.h"

typedef struct QlmWriteOutcome QlmWriteOutcome;

/* Paths that are named go into the current memory context. */
extern QlmWriteOutcome *qlm_write_outcome_create(QlmWrite *writes, int n);

/* All that was missing has been made. */
extern void qlm_write_outcome_add_made(QlmWriteOutcome *tally, const QlmMissingNodes *missing);

/* A QlmValueListener */
extern void qlm_write_outcome_add_value(void *tally, const QlmValueRow *row,
										const QlmValueRow *later, QlmValueFate fate);

/* All is done: the counts of the writes are complete. */
extern void qlm_write_outcome_finish(QlmWriteOutcome *tally);

#endif							/* QLM_WRITE_OUTCOME_H */
