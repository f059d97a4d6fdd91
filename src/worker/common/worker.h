/*
 * worker.h
 *		A background worker of a database: the order that it is started with, and
 *		how it connects.
 */
#ifndef QLM_WORKER_H
#define QLM_WORKER_H

#include "postmaster/bgworker.h"

/* The number of the dispatcher, of which each database has one */
#define QLM_DISPATCHER	0
#define QLM_ANALYST		(-1)
#define QLM_MESSAGE_RUNNER		(-2)	/* of these there may be several */

/* Handed over in bgw_extra */
typedef struct QlmWorkerOrder
{
	NameData	database;
	int			port;			/* 0: qlm.port */
	int			number;			/* 1.. within its database, or
								 * QLM_DISPATCHER */
	int			slot;			/* in shared memory, -1: none */
	bool		has_role;		/* the role of sessions of workers exists */
} QlmWorkerOrder;

extern bool qlm_worker_register(const QlmWorkerOrder *order, int notify_pid,
								BackgroundWorkerHandle **handle);

/*
 * Connect to the database of the order and be its worker of that number, until
 * exit.  Ends the process if another one is.
 */
extern void qlm_worker_connect(const QlmWorkerOrder *order,
							   const char *application_name);

#endif							/* QLM_WORKER_H */
