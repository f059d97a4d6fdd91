/*
 * peer.c
 *		Peers: identifies callers, their rights and abilities.
 *
 * All of qlm.peer is cached in each process until the table changes.  Columns
 * that only say how a peer is doing do not invalidate the cache, see the
 * trigger on the table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/path.h"
#include "base/path_map.h"
#include "base/url.h"
#include "base/compat.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/validity.h"
#include "storage/peer/credential.h"
#include "storage/peer/peer.h"
#include "storage/role/role.h"


typedef struct PeerEntry
{
	QlmPeer		peer;			/* must be first: callers use only this */
	QlmCredential credential;
} PeerEntry;

typedef struct PeerCache
{
	MemoryContext context;
	QlmValidity	validity;
	int			npeers;
	PeerEntry  *peers;			/* sorted by name */
	PeerEntry **by_id;			/* the same, sorted by id */
	QlmPathMap	paths;
	QlmCredentialMemo *memo;
} PeerCache;

static PeerCache *current = NULL;

static QlmPlan load_plan = {
	"SELECT peer_id, name, url, role::pg_catalog.text, credential, paths,"
	" CASE WHEN piggyback THEN 1 WHEN NOT piggyback THEN 0 ELSE -1 END,"
	" dialect, echoes_ids, last_seen, last_success, acknowledges,"
	" COALESCE(by_name, url IS NULL AND heartbeat IS NULL AND secret IS NULL), role_id, in_order,"
	" tried_at IS NOT NULL, tried_with, CASE WHEN takes_nested THEN 1 WHEN NOT takes_nested THEN 0 ELSE -1 END"
	" FROM qlm.peer ORDER BY name COLLATE \"C\"",
	0, {0}
};

static void
load_paths(PeerCache *cache, PeerEntry *entry, Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	entry->peer.paths = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		char	   *path = nulls[i] ? NULL : TextDatumGetCString(elements[i]);

		if (path == NULL || !qlm_path_is_stored(path))
			continue;
		entry->peer.paths[entry->peer.npaths++] = path;
		qlm_path_map_add(&cache->paths, path, entry);
	}
}

static TimestampTz
time_column(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = qlm_spi_datum(row, column, &isnull);

	return isnull || TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(datum)) ? 0 :
		DatumGetTimestampTz(datum);
}

static void
load_trial(QlmPeer *peer, uint64 row)
{
	bool		isnull;
	Datum		message_id;

	peer->tried = DatumGetBool(qlm_spi_datum(row, 16, &isnull));
	message_id = qlm_spi_datum(row, 17, &isnull);
	peer->tried_with = isnull ? 0 : DatumGetInt64(message_id);
	peer->takes_nested = DatumGetInt32(qlm_spi_datum(row, 18, &isnull));
}

static void
load_peer(PeerCache *cache, PeerEntry *entry, uint64 row)
{
	QlmPeer    *peer = &entry->peer;
	bool		isnull;
	char	   *credential = qlm_spi_text(row, 5);
	bool		by_name = DatumGetBool(qlm_spi_datum(row, 13, &isnull));

	peer->peer_id = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));
	peer->name = qlm_spi_text(row, 2);
	peer->url = qlm_spi_text(row, 3);
	peer->role = qlm_role_of(DatumGetInt64(qlm_spi_datum(row, 14, &isnull)),
							 qlm_spi_text(row, 4));
	peer->has_credential = credential != NULL;
	if (credential)
		qlm_credential_parse(credential, &entry->credential);
	peer->claimable = !peer->has_credential && by_name;
	peer->proof = credential ?
		hash_bytes((const unsigned char *) credential, strlen(credential)) | 1 :
		peer->claimable ? 0 : 2;
	load_paths(cache, entry, qlm_spi_datum(row, 6, &isnull));
	peer->piggyback = DatumGetInt32(qlm_spi_datum(row, 7, &isnull));
	peer->dialect = qlm_spi_text(row, 8);
	peer->echoes_ids = DatumGetBool(qlm_spi_datum(row, 9, &isnull));
	peer->acknowledges = DatumGetBool(qlm_spi_datum(row, 12, &isnull));
	peer->in_order = DatumGetBool(qlm_spi_datum(row, 15, &isnull));
	load_trial(peer, row);
	peer->last_seen = time_column(row, 10);
	peer->last_success = time_column(row, 11);
}

static int
compare_ids(const void *a, const void *b)
{
	int			x = (*(PeerEntry *const *) a)->peer.peer_id;
	int			y = (*(PeerEntry *const *) b)->peer.peer_id;

	return (x > y) - (x < y);
}

static void
sort_by_id(PeerCache *cache)
{
	cache->by_id = MemoryContextAllocHuge(cache->context,
										  Max(cache->npeers, 1) * sizeof(PeerEntry *));
	for (int i = 0; i < cache->npeers; i++)
		cache->by_id[i] = &cache->peers[i];
	qsort(cache->by_id, cache->npeers, sizeof(PeerEntry *), compare_ids);
}

/* Reads the table into a cache in the transaction's memory. */
static PeerCache *
load_peers(void)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext,
												  "qlm peers",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PeerCache  *cache = palloc0(sizeof(PeerCache));
	QlmRights	saved;

	cache->context = context;
	cache->validity = qlm_validity_take(QLM_REL_PEER);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&load_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
	cache->npeers = (int) SPI_processed;
	cache->peers = MemoryContextAllocExtended(context,
											  Max(cache->npeers, 1) * sizeof(PeerEntry),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < cache->npeers; i++)
		load_peer(cache, &cache->peers[i], i);
	SPI_freetuptable(SPI_tuptable);
	sort_by_id(cache);
	qlm_path_map_sort(&cache->paths);
	cache->memo = qlm_credential_memo_create(context);
	MemoryContextSwitchTo(caller);
	return cache;
}

/*
 * Returns the cache, which is read again if the table has changed.  Pointers
 * into the old one stay valid until the transaction ends.
 */
static PeerCache *
peers(void)
{
	PeerCache  *loaded;

	if (current && qlm_validity_holds(&current->validity, QLM_REL_PEER))
		return current;
	loaded = load_peers();
	MemoryContextSetParent(loaded->context, CacheMemoryContext);
	if (current)
		MemoryContextSetParent(current->context, TopTransactionContext);
	current = loaded;
	return current;
}

static PeerEntry *
entry_by_name(PeerCache *cache, const char *name)
{
	int			low = 0;
	int			high = cache->npeers;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = strcmp(cache->peers[middle].peer.name, name);

		if (order == 0)
			return &cache->peers[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static PeerEntry *
entry_by_id(PeerCache *cache, int peer_id)
{
	int			low = 0;
	int			high = cache->npeers;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			id = cache->by_id[middle]->peer.peer_id;

		if (id == peer_id)
			return cache->by_id[middle];
		if (id < peer_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

QlmPeer *
qlm_peer_by_id(int peer_id)
{
	PeerEntry  *entry = peer_id > 0 ? entry_by_id(peers(), peer_id) : NULL;

	return entry ? &entry->peer : NULL;
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

QlmPeer *
qlm_peer_copy(const QlmPeer *peer)
{
	QlmPeer    *copy;

	if (peer == NULL)
		return NULL;
	copy = palloc(sizeof(QlmPeer));
	*copy = *peer;
	copy->name = pstrdup(peer->name);
	copy->url = copy_text(peer->url);
	copy->dialect = copy_text(peer->dialect);
	copy->npaths = 0;
	copy->paths = NULL;
	return copy;
}

QlmPeer *
qlm_peer_by_name(const char *name)
{
	PeerEntry  *entry = entry_by_name(peers(), name);

	return entry ? &entry->peer : NULL;
}

/* All peers are compared, whichever matches, so that the time shows nothing. */
static PeerEntry *
entry_by_secret(PeerCache *cache, const char *secret)
{
	PeerEntry  *found = NULL;

	for (int i = 0; i < cache->npeers; i++)
		if (qlm_credential_verify(&cache->peers[i].credential, secret))
			found = &cache->peers[i];
	return found;
}

/* A name that does not exist takes as long as one that does. */
static PeerEntry *
entry_by_name_and_secret(PeerCache *cache, const char *name, const char *secret)
{
	static const QlmCredential none = {false};
	PeerEntry  *entry = entry_by_name(cache, name);

	return qlm_credential_verify(entry ? &entry->credential : &none, secret) ?
		entry : NULL;
}

QlmPeer *
qlm_peer_by_known_credential(const char *authorization)
{
	QlmCredentialKey key;
	PeerEntry  *entry;

	qlm_credential_key(authorization, &key);
	entry = qlm_credential_recall(peers()->memo, &key);
	return entry ? &entry->peer : NULL;
}

QlmPeer *
qlm_peer_by_credential(const char *authorization)
{
	PeerCache  *cache = peers();
	PeerEntry  *entry;
	QlmCredentialKey key;
	char	   *user;
	char	   *secret;

	if (!qlm_credential_split(authorization, &user, &secret))
		return NULL;
	entry = user ? entry_by_name_and_secret(cache, user, secret) :
		entry_by_secret(cache, secret);
	if (entry == NULL)
		return NULL;
	qlm_credential_key(authorization, &key);
	qlm_credential_remember(cache->memo, &key, entry);
	return &entry->peer;
}

QlmPeer *
qlm_peer_by_url(const char *url)
{
	PeerCache  *cache = peers();
	QlmPeer    *found = NULL;

	for (int i = 0; i < cache->npeers; i++)
	{
		QlmPeer    *peer = &cache->peers[i].peer;

		if (peer->url == NULL || !peer->claimable ||
			strcmp(peer->url, url) != 0)
			continue;
		if (found)
			return NULL;
		found = peer;
	}
	return found;
}

QlmPeer *
qlm_peer_by_node(const char *node)
{
	PeerCache  *cache = peers();

	for (int i = 0; i < cache->npeers; i++)
	{
		QlmPeer    *peer = &cache->peers[i].peer;

		if (peer->url && strcmp(peer->url, node) == 0)
			return peer;
	}
	return qlm_peer_by_name(node);
}

static bool
covers_path(const QlmPeer *peer, const char *path)
{
	for (int i = 0; i < peer->npaths; i++)
		if (qlm_path_is_below(path, peer->paths[i]))
			return true;
	return false;
}

/* Are all nodes of the Object at this path below the Objects of the peer? */
static bool
covers_object(const QlmPeer *peer, const QlmObject *object, StringInfo path)
{
	int			len = path->len;
	bool		covered;

	check_stack_depth();
	if (covers_path(peer, path->data))
		return true;
	covered = object->items != NULL || object->objects != NULL;
	for (QlmInfoItem *item = object->items; covered && item; item = item->next)
	{
		qlm_path_append(path, item->name);
		covered = covers_path(peer, path->data);
		path->len = len;
		path->data[len] = '\0';
	}
	for (QlmObject *child = object->objects; covered && child; child = child->next)
	{
		qlm_path_append(path, child->ids->text);
		covered = covers_object(peer, child, path);
		path->len = len;
		path->data[len] = '\0';
	}
	return covered;
}

/* Returns the path of the first leaf: an InfoItem, or an Object without any. */
static char *
first_leaf(const QlmOdf *odf)
{
	const QlmObject *object = &odf->root;
	StringInfoData path;

	initStringInfo(&path);
	while (object->items == NULL && object->objects)
	{
		object = object->objects;
		qlm_path_append(&path, object->ids->text);
	}
	if (object->items)
		qlm_path_append(&path, object->items->name);
	return path.data;
}

QlmPeer *
qlm_peer_by_objects(const QlmOdf *odf)
{
	PeerCache  *cache = peers();
	QlmPeer    *found = NULL;
	int			found_len = 0;
	StringInfoData path;
	ListCell   *lc;

	if (cache->paths.n == 0 || (odf->root.items == NULL && odf->root.objects == NULL))
		return NULL;
	initStringInfo(&path);
	foreach(lc, qlm_path_map_find(&cache->paths, first_leaf(odf)))
	{
		const QlmPathEntry *entry = lfirst(lc);
		QlmPeer    *peer = &((PeerEntry *) entry->data)->peer;
		int			len = strlen(entry->path);

		if (found && len < found_len)
			break;
		if (peer == found || !peer->claimable ||
			!covers_object(peer, &odf->root, &path))
			continue;
		if (found)
			return NULL;
		found = peer;
		found_len = len;
	}
	return found;
}

QlmPeer *
qlm_peer_by_path(const char *path)
{
	List	   *owners = qlm_path_map_find(&peers()->paths, path);

	if (owners == NIL)
		return NULL;
	return &((PeerEntry *) ((QlmPathEntry *) linitial(owners))->data)->peer;
}

char *
qlm_peer_hash(const char *secret)
{
	return qlm_credential_create(secret);
}

List *
qlm_peer_hosts(void)
{
	PeerCache  *cache = peers();
	List	   *hosts = NIL;

	for (int i = 0; i < cache->npeers; i++)
	{
		const char *url = cache->peers[i].peer.url;
		const char *host;
		int			len;

		if (url && qlm_url_is_http(url, &host, &len))
			hosts = lappend(hosts, pnstrdup(host, len));
	}
	return hosts;
}

bool
qlm_peer_may_act(Oid role)
{
	return qlm_may_become(GetUserId(), role);
}
