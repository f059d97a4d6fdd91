/*
 * worker.h
 *		A background worker of a database: how it is started and connects.
 */
#ifndef QLM_WORKER_H
#define QLM_WORKER_H

#include "postmaster/bgworker.h"

#include "worker/common/worker_order.h"

extern bool qlm_worker_register(const QlmWorkerOrder *order, int notify_pid,
								BackgroundWorkerHandle **handle);

/*
 * Connect to the database of the order and be its worker of that number, until
 * exit.  Ends the process if another one is.
 */
extern void qlm_worker_connect(const QlmWorkerOrder *order,
							   const char *application_name);

#endif							/* QLM_WORKER_H */
