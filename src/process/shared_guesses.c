/*
 * shared_guesses.c
 *		Who has guessed how often, for all processes.
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "process/shared_guesses.h"

static QlmGuard *guesses = NULL;	/* NULL: not there yet */
static LWLock *lock = NULL;		/* NULL: they are of this process alone */

Size
qlm_shared_guesses_size(void)
{
	return sizeof(QlmGuard);
}

/* With random seeds */
static void
init_guesses(QlmGuard *all)
{
	memset(all, 0, sizeof(QlmGuard));
	if (!pg_strong_random(all->seed, sizeof(all->seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
}

void
qlm_shared_guesses_create(LWLock *its_lock)
{
	bool		found;

	guesses = ShmemInitStruct("qlm guesses", sizeof(QlmGuard), &found);
	if (!found)
		init_guesses(guesses);
	lock = its_lock;
}

QlmGuard *
qlm_shared_guesses_lock(LWLockMode mode)
{
	if (guesses == NULL)
	{
		QlmGuard   *own = MemoryContextAlloc(TopMemoryContext, sizeof(QlmGuard));

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
	return guesses == NULL || qlm_guard_is_calm(guesses, now);
}
