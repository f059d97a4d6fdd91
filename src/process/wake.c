/*
 * wake.c
 *		Wakes processes that wait for what a transaction has done, once it has
 *		committed.
 *
 * A transaction notes in qlm_wake_pending what it has done; after its commit
 * the latches of waiting processes are set.  A lost wake-up only causes a
 * delay, since they also look from time to time.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"

#include "process/shmem.h"
#include "process/waiters.h"
#include "process/wake.h"
#include "process/wake_key.h"

static void
wake_waiting(uint32 what)
{
	int			i;

	if (what & QLM_WAKE_ENDED)
		pg_atomic_fetch_add_u64(&qlm_shared->nended, 1);
	if (what & QLM_WAKE_OUTBOX)
		pg_atomic_fetch_add_u64(&qlm_shared->noutbox, 1);
	if (what & QLM_WAKE_ROLE)
		pg_atomic_fetch_add_u64(&qlm_shared->nroles, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&qlm_shared->nwaiting) == 0)
		return;
	for (i = 0; i < qlm_shared->max_waiting; i++)
		if (pg_atomic_read_u32(&qlm_shared->waiting[i]) & what)
			SetLatch(&ProcGlobal->allProcs[i].procLatch);
	qlm_waiters_wake();
}

static void
forget_pending(void)
{
	memset(qlm_wake_keys, 0, sizeof(qlm_wake_keys));
	qlm_wake_pending = 0;
}

/* Runs inside the commit, so it must neither allocate nor raise errors. */
static void
at_xact_end(XactEvent event, void *arg)
{
	if (qlm_wake_pending == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			if (qlm_shared)
				wake_waiting((uint32) qlm_wake_pending);
			forget_pending();
			break;
		case XACT_EVENT_ABORT:
			forget_pending();
			break;
		default:
			break;
	}
}

void
qlm_wake_register(void)
{
	RegisterXactCallback(at_xact_end, NULL);
}

static pg_atomic_uint32 *
my_entry(void)
{
	return &qlm_shared->waiting[MyProc - ProcGlobal->allProcs];
}

void
qlm_wake_ignore(int code, Datum arg)
{
	if (pg_atomic_exchange_u32(my_entry(), 0) != 0)
		pg_atomic_fetch_sub_u32(&qlm_shared->nwaiting, 1);
}

void
qlm_wake_expect(int what)
{
	if (pg_atomic_exchange_u32(my_entry(), (uint32) what) == 0)
		pg_atomic_fetch_add_u32(&qlm_shared->nwaiting, 1);
}

uint64
qlm_wake_count(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->noutbox) : 0;
}

uint64
qlm_wake_role_count(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->nroles) : 0;
}

uint64
qlm_wake_ended(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->nended) : 0;
}

bool
qlm_wake_listen(int what)
{
	if (qlm_shared == NULL)
		return false;
	before_shmem_exit(qlm_wake_ignore, (Datum) 0);
	qlm_wake_expect(what);
	return true;
}
