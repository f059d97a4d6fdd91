/*
 * slot.h
 *		What a server worker is, and how it is found: an order given to it at
 *		its start, a slot in shared memory where there is some, and locks that
 *		say who runs and who listens, with or without shared memory.
 */
#ifndef QLM_SLOT_H
#define QLM_SLOT_H

#include "postgres.h"
#include "postmaster/bgworker.h"

#include "process/shmem.h"

/* The number of the dispatcher, of which each database has one */
#define QLM_DISPATCHER	0
#define QLM_ANALYST		(-1)
#define QLM_ERRAND		(-2)	/* of these there may be several */

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

/* Take over the slot of the order, until exit; NULL where there is none. */
extern QlmWorkerSlot *qlm_slot_attach(const QlmWorkerOrder *order);
extern void qlm_slot_report(QlmWorkerSlot *slot, QlmWorkerState state,
							const char *address, const char *error);
extern void qlm_slot_error(QlmWorkerSlot *slot, const char *error);

/*
 * Connect to the database of the order and be its worker of that number, until
 * exit.  Ends the process if another one is.
 */
extern void qlm_worker_connect(const QlmWorkerOrder *order,
							   const char *application_name);

/*
 * Can messages be run now?  Not without the extension, and not in a session of a
 * superuser: a worker that was started before there was an extension has one, and
 * must be started again, as soon as there is.
 */
extern bool qlm_worker_can_serve(void);

/* Why it could not, for who asked and for GET /health */
extern const char *qlm_worker_why_not(void);
extern bool qlm_worker_must_start_again(void);

/* What a database does without, where its dispatcher or any HTTP worker runs */
extern const char *qlm_worker_missing(bool dispatches, bool listens);

/* Say that it ends for that, so that nothing keeps another one from starting. */
extern void qlm_slot_start_again(QlmWorkerSlot *slot);

/*
 * Before listening on a port: wait until nobody else is about to, and tell
 * whether another worker of this database listens there already.  After it:
 * say that this one does (or not), until exit or called again.  Both need a
 * transaction.
 */
extern bool qlm_port_enter(int port);
extern void qlm_port_leave(int port, bool listening);

/* Workers of a database: their processes, and whether each listens */
typedef struct QlmWorkerProcess
{
	int			pid;
	int			number;
	bool		listening;
} QlmWorkerProcess;

extern int	qlm_worker_find(Oid database_id, QlmWorkerProcess *processes,
							int max);

#endif							/* QLM_SLOT_H */
