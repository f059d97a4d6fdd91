/*
 * shares.c
 *		Shares of the transfers that the dispatcher makes at the same time, so
 *		that servers that hang do not take all of them.
 *
 * A share is a part of what is free, not of the total: one server may have
 * half as many transfers as are free, one asker as many as are free.  So an
 * asker that is alone gets a large share, and there is always some left for
 * the next one.  A quarter is reserved for the URLs of known peers, and a
 * quarter for all others.
 *
 * Endpoints that have not answered yet, or not the last time, share a part of
 * their own.  A server that did not answer the last time gets one transfer at
 * a time until it does.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/client_settings.h"
#include "base/url.h"
#include "storage/outbox/endpoint.h"
#include "worker/dispatcher/shares.h"

#define RESERVED_PART	4
#define MAX_SERVERS		10000	/* then all are forgotten */

typedef enum Group
{
	GROUP_KIND,					/* URLs of peers, or others */
	GROUP_SERVER,
	GROUP_ASKER,
	GROUP_UNPROVEN				/* of an asker, or of all peers */
} Group;

typedef struct Key
{
	uint64		group;
	uint64		who;
} Key;

typedef struct Count
{
	Key			key;
	int			n;
} Count;

static HTAB *counts = NULL;
static int	total;

/* Whether a server answered the last time */
typedef struct Server
{
	uint64		server;
	bool		answers;
} Server;

static HTAB *servers = NULL;

QlmShare
qlm_share_of(const QlmEndpoint *endpoint)
{
	QlmShare	share;

	share.server = qlm_url_server(endpoint->url);
	share.is_peer = endpoint->is_own;
	share.asker = endpoint->is_own ? (uint64) endpoint->peer_id :
		hash_bytes_extended((const unsigned char *) endpoint->asker,
							strlen(endpoint->asker), 0);
	share.is_proven = endpoint->is_proven;
	return share;
}

static HTAB *
create_table(const char *name, Size key_size, Size size)
{
	HASHCTL		control = {0};

	control.keysize = key_size;
	control.entrysize = size;
	control.hcxt = TopMemoryContext;
	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
qlm_shares_begin(void)
{
	if (counts)
		hash_destroy(counts);
	counts = create_table("qlm shares", sizeof(Key), sizeof(Count));
	total = 0;
}

static void
add(Group group, uint64 who)
{
	Key			key = {group, who};
	Count	   *count;
	bool		found;

	count = hash_search(counts, &key, HASH_ENTER, &found);
	count->n = found ? count->n + 1 : 1;
}

static int
count_of(Group group, uint64 who)
{
	Key			key = {group, who};
	const Count *count = hash_search(counts, &key, HASH_FIND, NULL);

	return count ? count->n : 0;
}

/* Returns NULL for a server that was not asked yet. */
static const Server *
find_server(const QlmShare *share)
{
	return servers ? hash_search(servers, &share->server, HASH_FIND, NULL) : NULL;
}

bool
qlm_share_is_proven(const QlmShare *share)
{
	const Server *server = find_server(share);

	return server ? server->answers : share->is_proven;
}

/* All peers that do not answer share one part. */
static uint64
unproven_of(const QlmShare *share)
{
	return share->is_peer ? 0 : share->asker;
}

void
qlm_shares_take(const QlmShare *share)
{
	total++;
	add(GROUP_KIND, share->is_peer);
	add(GROUP_SERVER, share->server);
	add(GROUP_ASKER, share->asker);
	if (!qlm_share_is_proven(share))
		add(GROUP_UNPROVEN, unproven_of(share));
}

QlmRoom
qlm_shares_room(const QlmShare *share)
{
	int			reserved = qlm_max_transfers / RESERVED_PART;
	int			room = Min(qlm_max_transfers - total,
						   qlm_max_transfers - reserved -
						   count_of(GROUP_KIND, share->is_peer));
	int			at_server = count_of(GROUP_SERVER, share->server);
	const Server *server = find_server(share);

	if (at_server > 0 && server && !server->answers)
		return QLM_ROOM_LATER;
	if (room <= 0)
		return QLM_ROOM_TAKEN;
	if ((share->is_peer ? 1 : 2) * at_server >= room && at_server > 0)
		return QLM_ROOM_LATER;
	if (!qlm_share_is_proven(share) && 2 * count_of(GROUP_UNPROVEN, unproven_of(share)) > room)
		return QLM_ROOM_TAKEN;
	return share->is_peer || count_of(GROUP_ASKER, share->asker) < room ?
		QLM_ROOM : QLM_ROOM_TAKEN;
}

/*
 * When too many servers are remembered, all are forgotten: each is learnt
 * again with its next answer.
 */
void
qlm_shares_note(const QlmShare *share, bool answered)
{
	Server	   *server;

	if (servers == NULL || hash_get_num_entries(servers) >= MAX_SERVERS)
	{
		if (servers)
			hash_destroy(servers);
		servers = create_table("qlm servers", sizeof(uint64), sizeof(Server));
	}
	server = hash_search(servers, &share->server, HASH_ENTER, NULL);
	server->answers = answered;
}
