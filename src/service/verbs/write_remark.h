/*
 * write_remark.h
 *		What an answer says of a write that was done.
 */
#ifndef QLM_WRITE_REMARK_H
#define QLM_WRITE_REMARK_H

#include "storage/write/write_counts.h"
#include "storage/write/write_outcome.h"

/* Complete the counts of a write that was done, and have the log say what it must. */
extern void qlm_remark_count(QlmWrite *write, int elevel);

/* A description for the result; NULL: there is nothing to say. */
extern const char *qlm_remark_describe(const QlmWriteCounts *counts);

#endif							/* QLM_WRITE_REMARK_H */
