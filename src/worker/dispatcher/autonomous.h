/*
 * autonomous.h
 *		Queues, and commits at once, outbox rows of transactions that are open.
 */
#ifndef QLM_AUTONOMOUS_H
#define QLM_AUTONOMOUS_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* Of QlmAutonomous *, in the memory context that is current */
extern void qlm_autonomous_run(List *rows);

/* Entry of a worker that does so for one row, and ends */
extern PGDLLEXPORT void qlm_autonomous_main(Datum handle);

#endif							/* QLM_AUTONOMOUS_H */
