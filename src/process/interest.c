/*
 * interest.c
 *		What the requests that a server worker holds are waiting for.
 *
 * A worker first publishes that a key is of interest, then looks at the
 * tables; who commits makes its rows visible first, then looks who is
 * interested.  With a barrier in between on both sides, one of them sees the
 * other.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"

#include "process/interest.h"

static QlmWorkerSlot *my_slot = NULL;
static uint32 requests[QLM_WAKE_KEYS];	/* how many wait for each key */
static uint32 nrequests = 0;

static void
clear(QlmWorkerSlot *slot)
{
	int			i;

	for (i = 0; i < QLM_WAKE_WORDS; i++)
	{
		pg_atomic_write_u64(&slot->interest[i], 0);
		pg_atomic_write_u64(&slot->woken[i], 0);
	}
}

static void
detach(int code, Datum arg)
{
	clear(my_slot);
	if (nrequests > 0)
		pg_atomic_fetch_sub_u32(&qlm_shared->nwaiting, 1);
	nrequests = 0;
	my_slot = NULL;
}

void
qlm_interest_attach(QlmWorkerSlot *slot)
{
	if (slot == NULL)
		return;
	clear(slot);
	slot->process = MyProc - ProcGlobal->allProcs;
	my_slot = slot;
	before_shmem_exit(detach, (Datum) 0);
}

void
qlm_interest_add(uint32 key)
{
	if (my_slot == NULL)
		return;
	if (requests[key]++ == 0)
		pg_atomic_fetch_or_u64(&my_slot->interest[key / 64],
							   UINT64CONST(1) << (key % 64));
	if (nrequests++ == 0)
		pg_atomic_fetch_add_u32(&qlm_shared->nwaiting, 1);
}

void
qlm_interest_remove(uint32 key)
{
	if (my_slot == NULL)
		return;
	if (--requests[key] == 0)
		pg_atomic_fetch_and_u64(&my_slot->interest[key / 64],
								~(UINT64CONST(1) << (key % 64)));
	if (--nrequests == 0)
		pg_atomic_fetch_sub_u32(&qlm_shared->nwaiting, 1);
}

bool
qlm_interest_take(uint64 *keys)
{
	bool		any = false;
	int			i;

	if (my_slot == NULL)
		return false;
	for (i = 0; i < QLM_WAKE_WORDS; i++)
		if (pg_atomic_read_u64(&my_slot->woken[i]) != 0)
		{
			keys[i] |= pg_atomic_exchange_u64(&my_slot->woken[i], 0);
			any = true;
		}
	return any;
}

static void
wake_worker(QlmWorkerSlot *slot)
{
	bool		concerned = false;
	int			i;

	for (i = 0; i < QLM_WAKE_WORDS; i++)
	{
		uint64		both;

		if (qlm_wake_keys[i] == 0)
			continue;
		both = qlm_wake_keys[i] & pg_atomic_read_u64(&slot->interest[i]);
		if (both != 0)
		{
			pg_atomic_fetch_or_u64(&slot->woken[i], both);
			concerned = true;
		}
	}
	if (concerned)
		SetLatch(&ProcGlobal->allProcs[slot->process].procLatch);
}

void
qlm_interest_wake(void)
{
	int			i;

	for (i = 0; i < QLM_MAX_WORKERS; i++)
		if (qlm_shared->slots[i].pid != 0 &&
			qlm_shared->slots[i].database_id == MyDatabaseId)
			wake_worker(&qlm_shared->slots[i]);
}
