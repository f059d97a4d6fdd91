/*
 * backlog.c
 *		Endpoints that have something due and wait for their turn.
 *
 * A full look goes through every URL of the outbox.  While these are few,
 * there is a full look whenever there may be something new.  If it takes long,
 * as with thousands of paused endpoints, it may take a tenth of the time only.
 * In between, the endpoints already found are kept, and only rows queued since
 * are looked at.  This misses rows that were numbered early and committed
 * late; the next full look finds them.
 *
 * The endpoints kept may be out of date: a claim checks them again.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "storage/outbox/endpoint.h"
#include "storage/outbox/endpoint_due.h"
#include "worker/dispatcher/backlog.h"

#define MAX_ENDPOINTS	20000
#define CHEAP_US		5000
#define PAUSE_TIMES		9		/* times as long as the look took */
#define MAX_PAUSE_US	(10 * USECS_PER_SEC)

typedef struct Entry
{
	uint64		key;			/* a hash of the endpoint's */
	QlmEndpoint *endpoint;
	QlmShare	share;
	dlist_node	node;
} Entry;

static MemoryContext context = NULL;
static HTAB *known = NULL;
static dlist_head waiting = DLIST_STATIC_INIT(waiting);
static Entry *at = NULL;		/* returned last; NULL: none yet */
static dlist_node *next = NULL;
static TimestampTz next_full = 0;	/* not earlier */
static bool missed = false;		/* the last look was not complete */

/* The highest numbers of rows at the last full look and at the one before */
static int64 seen = 0;
static int64 seen_before = 0;

static uint64
hash_of(const char *key)
{
	return hash_bytes_extended((const unsigned char *) key, strlen(key), 0);
}

static void
clear(void)
{
	HASHCTL		control = {0};

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "qlm backlog",
										ALLOCSET_DEFAULT_SIZES);
	dlist_init(&waiting);
	at = NULL;
	next = NULL;
	MemoryContextReset(context);
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(Entry);
	control.hcxt = context;
	known = hash_create("qlm backlog", 256, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
qlm_backlog_add(const QlmEndpoint *endpoint)
{
	MemoryContext caller;
	char	   *text = qlm_endpoint_key(endpoint);
	uint64		key = hash_of(text);
	Entry	   *entry;
	bool		found;

	pfree(text);
	if (known == NULL)
		return;					/* the first look is a full one */
	caller = MemoryContextSwitchTo(context);
	entry = hash_search(known, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->endpoint = qlm_endpoint_copy(endpoint);
		entry->share = qlm_share_of(endpoint);
		dlist_push_tail(&waiting, &entry->node);
	}
	MemoryContextSwitchTo(caller);
}

static void
keep(const List *endpoints)
{
	ListCell   *lc;

	foreach(lc, endpoints)
		qlm_backlog_add(lfirst(lc));
}

static void
look_at_all(List *busy)
{
	TimestampTz began = GetCurrentTimestamp();
	TimestampTz took;
	List	   *endpoints;

	clear();
	seen_before = seen;
	endpoints = qlm_endpoint_due(busy, MAX_ENDPOINTS, &seen);
	keep(endpoints);
	took = GetCurrentTimestamp() - began;
	next_full = took <= CHEAP_US ? 0 :
		began + took + Min(took * PAUSE_TIMES, MAX_PAUSE_US);
	missed = list_length(endpoints) == MAX_ENDPOINTS;
}

/* A next_full that is too far away was set before the clock was set back. */
void
qlm_backlog_look(List *busy)
{
	TimestampTz now = GetCurrentTimestamp();

	if (next_full <= now || next_full > now + 2 * MAX_PAUSE_US || known == NULL)
		look_at_all(busy);
	else
	{
		keep(qlm_endpoint_due_since(busy, MAX_ENDPOINTS, seen_before));
		missed = true;
	}
}

void
qlm_backlog_rewind(void)
{
	at = NULL;
	next = dlist_is_empty(&waiting) ? NULL : dlist_head_node(&waiting);
}

const QlmEndpoint *
qlm_backlog_next(QlmShare *share)
{
	if (next == NULL)
		return NULL;
	at = dlist_container(Entry, node, next);
	next = dlist_has_next(&waiting, next) ? dlist_next_node(&waiting, next) : NULL;
	*share = at->share;
	return at->endpoint;
}

void
qlm_backlog_remove(void)
{
	Entry	   *entry = at;
	QlmEndpoint *endpoint = entry->endpoint;

	at = NULL;
	dlist_delete(&entry->node);
	(void) hash_search(known, &entry->key, HASH_REMOVE, NULL);
	pfree(endpoint->url);
	pfree(endpoint->asker);
	if (endpoint->authorization)
		pfree(endpoint->authorization);
	pfree(endpoint);
}

void
qlm_backlog_forget(void)
{
	next_full = 0;
}

TimestampTz
qlm_backlog_due(void)
{
	return missed ? next_full : DT_NOEND;
}
