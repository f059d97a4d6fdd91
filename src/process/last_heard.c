/*
 * last_heard.c
 *		On which connection a peer was heard last.
 *
 * A peer has an entry as long as it has a connection on which it may be heard.
 * The entry is near the slot of the peer's hash.  If no slot is free there,
 * its connections do not know of each other, and each counts as the latest.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/last_heard.h"


#define ENTRIES			4096
#define PROBES			32

/* In use while there are connections; found and allocated under the lock */
typedef struct Entry
{
	uint64		who;
	Oid			database_id;
	int			nplaces;
	slock_t		lock;			/* guards what follows */
	uint64		latest;			/* the latest connection; 0: it has ended */
	TimestampTz heard_at;		/* when the peer was heard on it */
	TimestampTz ended_at;		/* when the latest connection ended */
} Entry;

typedef struct Entries
{
	pg_atomic_uint64 last_place;
	Entry		entries[ENTRIES];
} Entries;

struct QlmLastHeard
{
	dlist_node	node;
	Entry	   *entry;			/* NULL: there was none free */
	uint64		place;
};

static Entries *shared = NULL;	/* or of this process alone */
static LWLock *lock = NULL;		/* of the shared ones */
static dlist_head mine = DLIST_STATIC_INIT(mine);

Size
qlm_last_heard_size(void)
{
	return sizeof(Entries);
}

static void
init_entries(Entries *all)
{
	memset(all, 0, sizeof(Entries));
	pg_atomic_init_u64(&all->last_place, 0);
	for (int i = 0; i < ENTRIES; i++)
		SpinLockInit(&all->entries[i].lock);
}

void
qlm_last_heard_create(LWLock *its_lock)
{
	bool		found;

	shared = ShmemInitStruct("qlm presence", sizeof(Entries), &found);
	if (!found)
		init_entries(shared);
}

static void
lock_entries(void)
{
	if (lock)
		LWLockAcquire(lock, LW_EXCLUSIVE);
}

static void
unlock_entries(void)
{
	if (lock)
		LWLockRelease(lock);
}

/*
 * Returns the entry of the peer, or a free one; NULL if neither is near its
 * slot.
 */
static Entry *
find_entry(uint64 who)
{
	Entry	   *free_one = NULL;

	for (int i = 0; i < PROBES; i++)
	{
		Entry	   *entry = &shared->entries[(who + i) % ENTRIES];

		if (entry->nplaces == 0)
			free_one = free_one ? free_one : entry;
		else if (entry->who == who && entry->database_id == MyDatabaseId)
			return entry;
	}
	return free_one;
}

static Entry *
take_entry(uint64 who)
{
	Entry	   *entry;

	lock_entries();
	entry = find_entry(who);
	if (entry && entry->nplaces++ == 0)
	{
		entry->who = who;
		entry->database_id = MyDatabaseId;
		entry->latest = 0;
		entry->heard_at = entry->ended_at = 0;
	}
	unlock_entries();
	return entry;
}

static void
leave_entry(QlmLastHeard *presence, bool it_returns)
{
	Entry	   *entry = presence->entry;

	if (entry == NULL)
		return;
	SpinLockAcquire(&entry->lock);
	if (entry->latest == presence->place)
	{
		entry->latest = 0;
		entry->ended_at = it_returns ? GetCurrentTimestamp() : 0;
		if (!it_returns)
			entry->heard_at = 0;
	}
	SpinLockRelease(&entry->lock);
	lock_entries();
	entry->nplaces--;
	unlock_entries();
}

/* Called when this process ends. */
static void
leave_all(int code, Datum arg)
{
	while (!dlist_is_empty(&mine))
		leave_entry(dlist_container(QlmLastHeard, node, dlist_pop_head_node(&mine)),
					false);
}

static void
begin_process(void)
{
	static bool begun = false;

	if (begun)
		return;
	if (shared == NULL)
	{
		shared = MemoryContextAlloc(TopMemoryContext, sizeof(Entries));
		init_entries(shared);
	}
	before_shmem_exit(leave_all, (Datum) 0);
	begun = true;
}

QlmLastHeard *
qlm_last_heard_begin(int peer_id, TimestampTz heard_at)
{
	uint64		who = hash_bytes_uint32_extended((uint32) peer_id, 0);
	QlmLastHeard *presence;

	begin_process();
	presence = MemoryContextAllocZero(TopMemoryContext, sizeof(QlmLastHeard));
	presence->place = pg_atomic_add_fetch_u64(&shared->last_place, 1);
	presence->entry = take_entry(who);
	dlist_push_tail(&mine, &presence->node);
	qlm_last_heard_note(presence, heard_at);
	return presence;
}

void
qlm_last_heard_note(QlmLastHeard *presence, TimestampTz heard_at)
{
	Entry	   *entry = presence->entry;

	if (entry == NULL)
		return;
	SpinLockAcquire(&entry->lock);
	if (heard_at >= entry->heard_at)
	{
		entry->heard_at = heard_at;
		entry->latest = presence->place;
	}
	SpinLockRelease(&entry->lock);
}

bool
qlm_last_heard_is_latest(const QlmLastHeard *presence)
{
	Entry	   *entry = presence->entry;
	uint64		latest;
	TimestampTz ended_at;

	if (entry == NULL)
		return true;
	SpinLockAcquire(&entry->lock);
	latest = entry->latest;
	ended_at = entry->ended_at;
	SpinLockRelease(&entry->lock);
	return latest == presence->place ||
		(latest == 0 && TimestampDifferenceExceeds(ended_at, GetCurrentTimestamp(),
												   QLM_LAST_HEARD_GRACE_MS));
}

void
qlm_last_heard_end(QlmLastHeard *presence, bool it_returns)
{
	dlist_delete(&presence->node);
	leave_entry(presence, it_returns);
	pfree(presence);
}
