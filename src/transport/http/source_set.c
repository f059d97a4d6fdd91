/*
 * source_set.c
 *		The client addresses of an HTTP server, what each of them takes, and
 *		which connection is closed when there is no room.
 *
 * An address has at most qlm.max_connections_per_address.  If it opens more,
 * or all are taken, an idle connection is closed: of the address with the most
 * connections the oldest one in the least important state.  So an address that
 * floods the server loses its own connections first.  If no connection may be
 * closed, new ones wait in the backlog of the kernel.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/address.h"
#include "base/server_settings.h"
#include "transport/http/source_set.h"

#define BUCKETS			1024
#define AT_ONCE			64		/* may be closed in one run */
#define MIN_STAY_MS		200		/* new connections are about to send */
#define LOG_MS			60000

QlmSourceSet *
qlm_source_set_create(MemoryContext context)
{
	QlmSourceSet *set = MemoryContextAllocZero(context, sizeof(QlmSourceSet));

	set->context = context;
	set->buckets = MemoryContextAlloc(context, BUCKETS * sizeof(dlist_head));
	for (int i = 0; i < BUCKETS; i++)
		dlist_init(&set->buckets[i]);
	return set;
}

static uint64
key_of(const struct sockaddr *address)
{
	QlmClientAddress client;

	qlm_client_address_set(&client, address);
	return qlm_client_address_key(&client);
}

static dlist_head *
bucket_of(QlmSourceSet *set, uint64 key)
{
	return &set->buckets[(key * UINT64CONST(0x9E3779B97F4A7C15)) >> 54];
}

static QlmSource *
find_source(QlmSourceSet *set, uint64 key)
{
	dlist_iter	iter;

	dlist_foreach(iter, bucket_of(set, key))
	{
		QlmSource  *source = dlist_container(QlmSource, node, iter.cur);

		if (source->key == key)
			return source;
	}
	return NULL;
}

/* Returns NULL without memory. */
static QlmSource *
make_source(QlmSourceSet *set, const struct sockaddr *address)
{
	uint64		key = key_of(address);
	QlmSource  *source = find_source(set, key);

	if (source == NULL)
	{
		source = MemoryContextAllocExtended(set->context, sizeof(QlmSource),
											MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
		if (source == NULL)
			return NULL;
		source->key = key;
		for (int i = 0; i < QLM_STAYS_EVICTABLE; i++)
			dlist_init(&source->stays[i]);
		dlist_push_tail(bucket_of(set, key), &source->node);
	}
	source->is_proxy = qlm_address_list_matches(qlm_proxies, address, NULL);
	source->bodies.is_limited = !source->is_proxy;
	return source;
}

/* Removes the connection from where it is counted. */
static void
forget_stay(QlmSourceSet *set, QlmGuest *guest)
{
	QlmSource  *source = guest->source;

	if (guest->stay < QLM_STAYS_EVICTABLE)
	{
		dlist_delete(&guest->node);
		source->nevictable--;
		set->nevictable--;
	}
	if (guest->stay != QLM_STAY_GONE)
	{
		source->nstaying--;
		set->nstaying--;
	}
}

static void
begin_stay(QlmSourceSet *set, QlmGuest *guest, QlmStay stay)
{
	QlmSource  *source = guest->source;

	guest->stay = stay;
	guest->since = GetCurrentTimestamp();
	if (stay < QLM_STAYS_EVICTABLE)
	{
		dlist_push_tail(&source->stays[stay], &guest->node);
		source->nevictable++;
		set->nevictable++;
	}
	if (stay != QLM_STAY_GONE)
	{
		source->nstaying++;
		set->nstaying++;
	}
}

void
qlm_source_stay(QlmSourceSet *set, QlmGuest *guest, QlmStay stay)
{
	if (guest->source == NULL || guest->stay == stay || guest->stay == QLM_STAY_GONE)
		return;
	forget_stay(set, guest);
	begin_stay(set, guest, stay);
}

bool
qlm_source_enter(QlmSourceSet *set, QlmGuest *guest,
				 const struct sockaddr *address, QlmEvict evict)
{
	guest->source = make_source(set, address);
	if (guest->source == NULL)
		return false;
	guest->source->nrefs++;
	guest->evict = evict;
	begin_stay(set, guest, QLM_STAY_INCOMPLETE);
	return true;
}

void
qlm_source_enter_as(QlmSourceSet *set, QlmGuest *guest, QlmGuest *other,
					QlmEvict evict)
{
	guest->source = other->source;
	if (guest->source == NULL)
		return;
	guest->source->nrefs++;
	guest->evict = evict;
	begin_stay(set, guest, QLM_STAY_SILENT);
	qlm_source_leave(set, other);
}

void
qlm_source_leave(QlmSourceSet *set, QlmGuest *guest)
{
	QlmSource  *source = guest->source;

	if (source == NULL)
		return;
	forget_stay(set, guest);
	guest->source = NULL;
	if (--source->nrefs == 0)
	{
		dlist_delete(&source->node);
		pfree(source);
	}
}

static QlmGuest *
guest_of(dlist_node *node)
{
	return dlist_container(QlmGuest, node, node);
}

/* Closes the connection of an address that is the least important. */
static bool
evict_from(QlmSourceSet *set, QlmSource *source)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	for (int i = 0; source && i < QLM_STAYS_EVICTABLE; i++)
		dlist_foreach(iter, &source->stays[i])
		{
			QlmGuest   *guest = guest_of(iter.cur);

			if (!TimestampDifferenceExceeds(guest->since, now, MIN_STAY_MS))
				break;
			if (!guest->evict(guest))
				continue;
			qlm_source_stay(set, guest, QLM_STAY_GONE);
			return true;
		}
	return false;
}

/* Returns how many connections could be closed. */
static int
count_evictable(const QlmSource *source)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n = 0;
	dlist_iter	iter;

	for (int i = 0; source && i < QLM_STAYS_EVICTABLE; i++)
		dlist_foreach(iter, unconstify(dlist_head *, &source->stays[i]))
		{
			if (n == AT_ONCE ||
				!TimestampDifferenceExceeds(guest_of(iter.cur)->since, now, MIN_STAY_MS))
				break;
			n++;
		}
	return n;
}

static QlmSource *
find_crowd(QlmSourceSet *set)
{
	QlmSource  *most = NULL;
	dlist_iter	iter;

	for (int i = 0; i < BUCKETS; i++)
		dlist_foreach(iter, &set->buckets[i])
		{
			QlmSource  *source = dlist_container(QlmSource, node, iter.cur);

			if (source->nevictable > (most ? most->nevictable : 0))
				most = source;
		}
	return most;
}

/* Rarely, so that a flood does not fill the log */
static void
tell(QlmSourceSet *set, const struct sockaddr *address)
{
	TimestampTz now = GetCurrentTimestamp();
	QlmClientAddress client;
	char		text[QLM_CLIENT_ADDRESS_SIZE];

	if (set->told_at != 0 && now >= set->told_at &&
		!TimestampDifferenceExceeds(set->told_at, now, LOG_MS))
		return;
	set->told_at = now;
	qlm_client_address_set(&client, address);
	elog(LOG, "qlm: %s has as many connections as qlm.max_connections_per_address allows (%d), and more are refused",
		 qlm_client_address_text(&client, text), qlm_max_connections_per_address);
}

bool
qlm_source_set_admit(QlmSourceSet *set, const struct sockaddr *address)
{
	QlmSource  *source = find_source(set, key_of(address));

	if (source && qlm_max_connections_per_address > 0 &&
		source->nstaying >= qlm_max_connections_per_address &&
		!qlm_address_list_matches(qlm_proxies, address, NULL) &&
		!evict_from(set, source))
	{
		tell(set, address);
		return false;
	}
	return set->nstaying < qlm_max_connections || evict_from(set, find_crowd(set));
}

int
qlm_source_set_room(QlmSourceSet *set)
{
	int			room = qlm_max_connections - set->nstaying;

	return room > 0 ? room : count_evictable(find_crowd(set));
}

bool
qlm_source_set_is_tight(const QlmSourceSet *set)
{
	return set->nstaying >= qlm_max_connections && set->nevictable > 0;
}
