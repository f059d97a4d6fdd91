/*
 * write_tally.h
 *		Counts for each of many writes what became of it.
 */
#ifndef QLM_STORAGE_WRITE_TALLY_H
#define QLM_STORAGE_WRITE_TALLY_H

#include "storage/object/object.h"
#include "storage/value/value.h"
#include "storage/value/write.h"

typedef struct QlmTally QlmTally;

/* Paths that are named go into the current memory context. */
extern QlmTally *qlm_tally_create(QlmWrite *writes, int n);

/* All that was missing has been made. */
extern void qlm_tally_made(QlmTally *tally, const QlmMissing *missing);

/* A QlmValueListener */
extern void qlm_tally_value(void *tally, const QlmValueRow *row,
							const QlmValueRow *later, QlmValueFate fate);

/* All is done: the counts of the writes are complete. */
extern void qlm_tally_finish(QlmTally *tally);

#endif							/* QLM_STORAGE_WRITE_TALLY_H */
