/*
 * analyze.h
 *		A process that takes statistics of all values, and ends.
 */
#ifndef QLM_ANALYZE_H
#define QLM_ANALYZE_H

#include "postgres.h"

#include "worker/common/worker.h"

/* Start it for the database of a worker, unless one runs still. */
extern void qlm_analyze_start(const QlmWorkerOrder *order);

extern PGDLLEXPORT void qlm_analyze_main(Datum arg);

#endif							/* QLM_ANALYZE_H */
