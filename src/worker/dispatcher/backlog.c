/*
 * backlog.c
 *		Endpoints that have something due and wait for their turn.
 *
 * To find them, each URL of the queue is looked at.  While these are few that is
 * done whenever there may be something new.  Where it takes long, as with
 * thousands of endpoints that pause, it is done in a tenth of the time only;
 * in between what was found is kept, and only what was queued since is looked
 * at.  What that misses, a message that was numbered early and committed late,
 * waits for the next look at all.
 *
 * What is kept may be out of date: a claim looks at it again.
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
#define PAUSE_TIMES		9		/* as long as it took */
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
static Entry *at = NULL;		/* that next has returned; NULL: none yet */
static dlist_node *next = NULL;
static TimestampTz next_full = 0;	/* not earlier */
static bool missed = false;		/* there was more to look at than was looked at */

/* Messages up to here were seen by the last look at all, and the one before */
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
		return;					/* all are looked at before any is served */
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

/* A time that is further away than any was set before the clock was set back. */
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
