/*
 * interest.h
 *		What the requests that a server worker holds are waiting for, so that
 *		a commit wakes only workers that it may concern.  Works where there is
 *		shared memory; elsewhere nobody is woken.
 */
#ifndef QLM_INTEREST_H
#define QLM_INTEREST_H

#include "process/shmem.h"
#include "storage/wake_key.h"

/* This process owns the slot, until exit. */
extern void qlm_interest_attach(QlmWorkerSlot *slot);

/* One request more, or less, waits for this key. */
extern void qlm_interest_add(uint32 key);
extern void qlm_interest_remove(uint32 key);

/* Add to keys those of interest that were committed meanwhile; any? */
extern bool qlm_interest_take(uint64 *keys);

/*
 * This transaction has committed: tell who waits for what it has noted.  No
 * memory is taken and no error raised.
 */
extern void qlm_interest_wake(void);

#endif							/* QLM_INTEREST_H */
