/*
 * shared_guesses.h
 *		Who has guessed how often, for all processes.
 */
#ifndef QLM_SHARED_GUESSES_H
#define QLM_SHARED_GUESSES_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#include "base/guesses.h"


/* What it needs of the shared memory, which shmem.c makes */
extern Size qlm_shared_guesses_size(void);
extern void qlm_shared_guesses_create(LWLock *lock);

/* Without shared memory they are those of this process alone. */
extern QlmGuesses *qlm_shared_guesses_lock(LWLockMode mode);
extern void qlm_shared_guesses_unlock(void);

/* Has nothing failed for so long that nobody has to wait?  Asked without the lock. */
extern bool qlm_shared_guesses_are_calm(TimestampTz now);

#endif							/* QLM_SHARED_GUESSES_H */
