/*
 * worker_lock.h
 *		Locks that say which workers of a database run, and which of them listen,
 *		with or without shared memory.
 */
#ifndef QLM_WORKER_LOCK_H
#define QLM_WORKER_LOCK_H

/* Be the worker of that number, until exit; false: another process is. */
extern bool qlm_worker_lock_claim(int number);

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

#endif							/* QLM_WORKER_LOCK_H */
