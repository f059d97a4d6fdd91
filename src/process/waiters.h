/*
 * waiters.h
 *		The events that the held requests of a server worker wait for, so that
 *		a commit wakes only the workers concerned.  Without shared memory
 *		nobody is woken.
 */
#ifndef QLM_WAITERS_H
#define QLM_WAITERS_H

#include "process/shmem.h"

/* This process owns the slot, until exit. */
extern void qlm_waiters_attach(QlmWorkerSlot *slot);

/* One request more, or less, waits for this key. */
extern void qlm_waiters_add(uint32 key);
extern void qlm_waiters_remove(uint32 key);

/* The same of a peer that is connected by WebSocket */
extern void qlm_waiters_connect(uint32 key);
extern void qlm_waiters_disconnect(uint32 key);

/*
 * Is a peer connected by WebSocket to any worker of this database?  Now and
 * then yes for one that is not.
 */
extern bool qlm_waiters_is_connected(int peer_id);

/* Have those who are interested look, as if something had been committed. */
extern void qlm_waiters_poke(uint32 key);

/* Who asks, each for itself */
typedef enum QlmWaitersKind
{
	QLM_WAITERS_REQUESTS,		/* that are held */
	QLM_WAITERS_SOCKETS,
	QLM_NWAITERS
} QlmWaitersKind;

/* Add to keys those of interest that were committed since it was asked; any? */
extern bool qlm_waiters_take(QlmWaitersKind who, uint64 *keys);

/*
 * This transaction has committed: tell who waits for what it has noted.  No
 * memory is taken and no error raised.
 */
extern void qlm_waiters_wake(void);

#endif							/* QLM_WAITERS_H */
