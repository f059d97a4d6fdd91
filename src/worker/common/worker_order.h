/*
 * worker_order.h
 *		What a background worker is told when it is started.
 */
#ifndef QLM_WORKER_ORDER_H
#define QLM_WORKER_ORDER_H

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

#endif							/* QLM_WORKER_ORDER_H */
