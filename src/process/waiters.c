/*
 * waiters.c
 *		The events that held requests and WebSockets of server workers wait
 *		for.
 *
 * A worker first publishes its interest in a key, and then looks at the
 * tables.  A committing process first makes its rows visible, and then looks
 * for interested workers.  With a barrier in between on both sides, one of
 * them sees the other.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"

#include "process/waiters.h"
#include "process/wake_key.h"

static QlmWorkerSlot *my_slot = NULL;
static uint32 requests[QLM_WAKE_KEYS];	/* how many wait for each key */
static uint32 nrequests = 0;
static uint32 peers[QLM_WAKE_KEYS]; /* how many are connected, by key */
static uint64 woken[QLM_NWAITERS][QLM_WAKE_WORDS];	/* not fetched yet */
static bool is_woken[QLM_NWAITERS];

static void
clear(QlmWorkerSlot *slot)
{
	int			i;

	for (i = 0; i < QLM_WAKE_WORDS; i++)
	{
		pg_atomic_write_u64(&slot->interest[i], 0);
		pg_atomic_write_u64(&slot->woken[i], 0);
		pg_atomic_write_u64(&slot->connected[i], 0);
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
qlm_waiters_attach(QlmWorkerSlot *slot)
{
	if (slot == NULL)
		return;
	clear(slot);
	slot->process = MyProc - ProcGlobal->allProcs;
	my_slot = slot;
	before_shmem_exit(detach, (Datum) 0);
}

void
qlm_waiters_add(uint32 key)
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
qlm_waiters_remove(uint32 key)
{
	if (my_slot == NULL)
		return;
	if (--requests[key] == 0)
		pg_atomic_fetch_and_u64(&my_slot->interest[key / 64],
								~(UINT64CONST(1) << (key % 64)));
	if (--nrequests == 0)
		pg_atomic_fetch_sub_u32(&qlm_shared->nwaiting, 1);
}

void
qlm_waiters_connect(uint32 key)
{
	qlm_waiters_add(key);
	if (my_slot && peers[key]++ == 0)
		pg_atomic_fetch_or_u64(&my_slot->connected[key / 64],
							   UINT64CONST(1) << (key % 64));
}

void
qlm_waiters_disconnect(uint32 key)
{
	qlm_waiters_remove(key);
	if (my_slot && --peers[key] == 0)
		pg_atomic_fetch_and_u64(&my_slot->connected[key / 64],
								~(UINT64CONST(1) << (key % 64)));
}

bool
qlm_waiters_is_connected(int peer_id)
{
	uint32		key = qlm_wake_key_of_peer(peer_id);

	for (int i = 0; qlm_shared && i < QLM_MAX_WORKERS; i++)
	{
		QlmWorkerSlot *slot = &qlm_shared->slots[i];

		if (slot->pid != 0 && slot->database_id == MyDatabaseId &&
			(pg_atomic_read_u64(&slot->connected[key / 64]) >> (key % 64)) & 1)
			return true;
	}
	return false;
}

/* Distributes what others have committed to all kinds of waiters. */
static void
distribute(void)
{
	for (int i = 0; i < QLM_WAKE_WORDS; i++)
		if (pg_atomic_read_u64(&my_slot->woken[i]) != 0)
		{
			uint64		keys = pg_atomic_exchange_u64(&my_slot->woken[i], 0);

			for (int who = 0; who < QLM_NWAITERS; who++)
			{
				woken[who][i] |= keys;
				is_woken[who] = true;
			}
		}
}

bool
qlm_waiters_take(QlmWaitersKind who, uint64 *keys)
{
	if (my_slot == NULL)
		return false;
	distribute();
	if (!is_woken[who])
		return false;
	for (int i = 0; i < QLM_WAKE_WORDS; i++)
		keys[i] |= woken[who][i];
	memset(woken[who], 0, sizeof(woken[who]));
	is_woken[who] = false;
	return true;
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
qlm_waiters_poke(uint32 key)
{
	for (int i = 0; qlm_shared && i < QLM_MAX_WORKERS; i++)
	{
		QlmWorkerSlot *slot = &qlm_shared->slots[i];
		uint64		bit = UINT64CONST(1) << (key % 64);

		if (slot->pid == 0 || slot->database_id != MyDatabaseId ||
			!(pg_atomic_read_u64(&slot->interest[key / 64]) & bit))
			continue;
		pg_atomic_fetch_or_u64(&slot->woken[key / 64], bit);
		SetLatch(&ProcGlobal->allProcs[slot->process].procLatch);
	}
}

void
qlm_waiters_wake(void)
{
	int			i;

	for (i = 0; i < QLM_MAX_WORKERS; i++)
		if (qlm_shared->slots[i].pid != 0 &&
			qlm_shared->slots[i].database_id == MyDatabaseId)
			wake_worker(&qlm_shared->slots[i]);
}
