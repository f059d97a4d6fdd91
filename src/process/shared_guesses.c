/*
 * shared_guesses.c
 *		The counts of failed attempts, shared by all processes.
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "process/shared_guesses.h"

static QlmGuesses *guesses = NULL;	/* NULL: not initialized yet */
static LWLock *lock = NULL;		/* NULL: used by this process only */

Size
qlm_shared_guesses_size(void)
{
	return sizeof(QlmGuesses);
}

/* With random seeds */
static void
init_guesses(QlmGuesses *all)
{
	memset(all, 0, sizeof(QlmGuesses));
	if (!pg_strong_random(all->seed, sizeof(all->seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
}

void
qlm_shared_guesses_create(LWLock *its_lock)
{
	bool		found;

	guesses = ShmemInitStruct("qlm guesses", sizeof(QlmGuesses), &found);
	if (!found)
		init_guesses(guesses);
	lock = its_lock;
}

QlmGuesses *
qlm_shared_guesses_lock(LWLockMode mode)
{
	if (guesses == NULL)
	{
		QlmGuesses *own = MemoryContextAlloc(TopMemoryContext, sizeof(QlmGuesses));

		init_guesses(own);
		guesses = own;
	}
	if (lock)
		LWLockAcquire(lock, mode);
	return guesses;
}

void
qlm_shared_guesses_unlock(void)
{
	if (lock)
		LWLockRelease(lock);
}

bool
qlm_shared_guesses_are_calm(TimestampTz now)
{
	return guesses == NULL || qlm_guesses_is_calm(guesses, now);
}
