/*
 * shmem.c
 *		Shared memory of the extension: size, creation, and the list of
 *		stopped databases.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "process/last_heard.h"
#include "process/shared_guesses.h"
#include "process/shmem.h"
#include "process/wake_key.h"

QlmShared  *qlm_shared = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static Size
shared_size(void)
{
	return add_size(offsetof(QlmShared, waiting),
					mul_size(MaxBackends, sizeof(pg_atomic_uint32)));
}

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(add_size(shared_size(),
									add_size(qlm_last_heard_size(),
											 qlm_shared_guesses_size())));
	RequestNamedLWLockTranche("qlm", 2);
}

static void
init_slot(QlmWorkerSlot *slot)
{
	slot->state = QLM_WORKER_FREE;
	pg_atomic_init_u64(&slot->requests, 0);
	pg_atomic_init_u64(&slot->batches, 0);
	pg_atomic_init_u64(&slot->bytes_in, 0);
	pg_atomic_init_u64(&slot->bytes_out, 0);
	pg_atomic_init_u32(&slot->connections, 0);
	for (int i = 0; i < QLM_WAKE_WORDS; i++)
	{
		pg_atomic_init_u64(&slot->interest[i], 0);
		pg_atomic_init_u64(&slot->woken[i], 0);
		pg_atomic_init_u64(&slot->connected[i], 0);
	}
}

static void
startup_shmem(void)
{
	bool		found;
	int			i;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	qlm_shared = ShmemInitStruct("qlm", shared_size(), &found);
	if (!found)
	{
		memset(qlm_shared, 0, shared_size());
		qlm_shared->lock = &GetNamedLWLockTranche("qlm")[0].lock;
		for (i = 0; i < QLM_MAX_WORKERS; i++)
			init_slot(&qlm_shared->slots[i]);
		qlm_shared->max_waiting = MaxBackends;
		pg_atomic_init_u64(&qlm_shared->noutbox, 0);
		pg_atomic_init_u64(&qlm_shared->nroles, 0);
		pg_atomic_init_u64(&qlm_shared->nended, 0);
		pg_atomic_init_u32(&qlm_shared->nautonomous, 0);
		pg_atomic_init_u32(&qlm_shared->nwaiting, 0);
		for (i = 0; i < MaxBackends; i++)
			pg_atomic_init_u32(&qlm_shared->waiting[i], 0);
	}
	qlm_last_heard_create(qlm_shared->lock);
	qlm_shared_guesses_create(&GetNamedLWLockTranche("qlm")[1].lock);
	LWLockRelease(AddinShmemInitLock);
}

void
qlm_shmem_register(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

void
qlm_shmem_set_launcher(Latch *latch)
{
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	qlm_shared->launcher = latch;
	LWLockRelease(qlm_shared->lock);
}

void
qlm_shmem_poke_launcher(void)
{
	if (qlm_shared == NULL)
		return;
	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	if (qlm_shared->launcher)
		SetLatch(qlm_shared->launcher);
	LWLockRelease(qlm_shared->lock);
}

static int
find_stopped(Oid database_id)
{
	int			i;

	for (i = 0; i < qlm_shared->nstopped; i++)
		if (qlm_shared->stopped[i] == database_id)
			return i;
	return -1;
}

bool
qlm_shmem_is_stopped(Oid database_id)
{
	bool		stopped;

	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	stopped = find_stopped(database_id) >= 0;
	LWLockRelease(qlm_shared->lock);
	return stopped;
}

int
qlm_shmem_stopped(Oid database_ids[QLM_MAX_WORKERS])
{
	int			n;

	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	n = qlm_shared->nstopped;
	memcpy(database_ids, qlm_shared->stopped, n * sizeof(Oid));
	LWLockRelease(qlm_shared->lock);
	return n;
}

bool
qlm_shmem_set_stopped(Oid database_id, bool stopped)
{
	int			at;
	bool		changed = false;

	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	at = find_stopped(database_id);
	if (at >= 0 && !stopped)
	{
		qlm_shared->stopped[at] = qlm_shared->stopped[--qlm_shared->nstopped];
		changed = true;
	}
	else if (at < 0 && stopped && qlm_shared->nstopped < QLM_MAX_WORKERS)
	{
		qlm_shared->stopped[qlm_shared->nstopped++] = database_id;
		changed = true;
	}
	LWLockRelease(qlm_shared->lock);
	return changed;
}
