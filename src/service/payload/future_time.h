/*
 * future_time.h
 *		Values with a time in the future.
 */
#ifndef QLM_FUTURE_TIME_H
#define QLM_FUTURE_TIME_H

#include "message/odf.h"
#include "storage/write/write_counts.h"

/*
 * Is the time of a value further ahead than qlm.max_future?  A sentence that
 * says which one, and what its unit probably is; NULL: there is none.
 */
extern const char *qlm_future_problem(const QlmOdf *odf);

/* Count those that are let in and far ahead of the clock. */
extern void qlm_future_count(const QlmOdf *odf, QlmWriteCounts *counts);

/* Have the log say so, unless it has lately. */
extern void qlm_future_log(const QlmWriteCounts *counts, int elevel);

#endif							/* QLM_FUTURE_TIME_H */
