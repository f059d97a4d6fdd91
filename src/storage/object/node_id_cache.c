/*
 * node_id_cache.c
 *		A cache of the Objects and InfoItems that this process knows.
 *
 * A node is found by its parent and its name, so a tree is followed without
 * building paths.  An Object and an InfoItem cannot share a path, so they
 * never share an entry.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"
#include "storage/object/node_id_cache.h"

/* If there are more nodes the cache is emptied; each takes some 150 bytes. */
#define MAX_NODES 500000

typedef struct NodeKey
{
	int			parent_id;
	const char *name;
} NodeKey;

typedef struct NodeEntry
{
	NodeKey		key;
	QlmCachedNode *node;
	uint32		hash;
	char		status;
} NodeEntry;

static inline uint32
hash_key(NodeKey key)
{
	return hash_combine(murmurhash32(key.parent_id),
						hash_bytes((const unsigned char *) key.name,
								   strlen(key.name)));
}

#define SH_PREFIX nodehash
#define SH_ELEMENT_TYPE NodeEntry
#define SH_KEY_TYPE NodeKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_key(key)
#define SH_EQUAL(tb, a, b) \
	((a).parent_id == (b).parent_id && strcmp((a).name, (b).name) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct QlmNodeIdCache
{
	MemoryContext context;
	nodehash_hash *nodes;
	bool		is_shared;		/* shared by all writes that policies do not restrict */
};

static QlmNodeIdCache shared = {NULL, NULL, true};
static dlist_head fresh_nodes = DLIST_STATIC_INIT(fresh_nodes);
static uint64 object_generation;
static uint64 item_generation;

/* Counts how often the cache was emptied */
static uint64 epoch = 0;

static void
forget_all(void)
{
	dlist_init(&fresh_nodes);
	shared.nodes = NULL;
	epoch++;
	if (shared.context != NULL)
		MemoryContextReset(shared.context);
}

uint64
qlm_node_id_cache_epoch(void)
{
	return epoch;
}

static void
forget_node(QlmCachedNode *node)
{
	NodeKey		key = {node->parent_id, node->name};

	dlist_delete(&node->fresh);
	nodehash_delete(shared.nodes, key);
	pfree(node);
}

static void
undo_fresh(int nest_level)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &fresh_nodes)
	{
		QlmCachedNode *node = dlist_container(QlmCachedNode, fresh, iter.cur);

		if (node->nest_level < nest_level)
			continue;
		if (node->only_changed)
		{
			node->details_hash = 0;
			node->nest_level = 0;
			dlist_delete(&node->fresh);
		}
		else
			forget_node(node);
	}
}

static void
keep_fresh(int nest_level)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &fresh_nodes)
	{
		QlmCachedNode *node = dlist_container(QlmCachedNode, fresh, iter.cur);

		if (node->nest_level < nest_level)
			continue;
		node->nest_level = nest_level - 1;
		if (nest_level == 1)
			dlist_delete(&node->fresh);
	}
}

/*
 * A transaction with one snapshot for all its statements may have seen nodes
 * that were deleted since, so these are not kept.
 */
static void
transaction_ends(XactEvent event, void *arg)
{
	if (dlist_is_empty(&fresh_nodes))
		return;
	if (event == XACT_EVENT_COMMIT && !IsolationUsesXactSnapshot())
		keep_fresh(1);
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
			 event == XACT_EVENT_PREPARE)
		undo_fresh(1);
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId subid,
					SubTransactionId parent, void *arg)
{
	if (dlist_is_empty(&fresh_nodes))
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		keep_fresh(GetCurrentTransactionNestLevel());
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		undo_fresh(GetCurrentTransactionNestLevel());
}

static void
create_shared(void)
{
	if (shared.context == NULL)
	{
		shared.context = AllocSetContextCreate(TopMemoryContext,
											   "qlm object cache",
											   ALLOCSET_DEFAULT_SIZES);
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
	}
	shared.nodes = nodehash_create(shared.context, 1024, NULL);
}

static QlmNodeIdCache *
create_private(void)
{
	QlmNodeIdCache *cache = palloc0(sizeof(QlmNodeIdCache));

	cache->context = CurrentMemoryContext;
	cache->nodes = nodehash_create(cache->context, 64, NULL);
	return cache;
}

QlmNodeIdCache *
qlm_node_id_cache_begin(void)
{
	qlm_node_lock(RowExclusiveLock);
	if (!qlm_acl_may_see_all_nodes())
		return create_private();
	if (shared.nodes != NULL &&
		(object_generation != qlm_catalog_generation(QLM_REL_OBJECT) ||
		 item_generation != qlm_catalog_generation(QLM_REL_INFO_ITEM) ||
		 shared.nodes->members > MAX_NODES))
		forget_all();
	if (shared.nodes == NULL)
		create_shared();
	object_generation = qlm_catalog_generation(QLM_REL_OBJECT);
	item_generation = qlm_catalog_generation(QLM_REL_INFO_ITEM);
	return &shared;
}

QlmCachedNode *
qlm_node_id_cache_find(const QlmNodeIdCache *cache, int parent_id, const char *name)
{
	NodeKey		key = {parent_id, name};
	NodeEntry  *entry = nodehash_lookup(cache->nodes, key);

	return entry ? entry->node : NULL;
}

static void
mark_fresh(QlmCachedNode *node, bool only_changed)
{
	if (node->is_private)
		return;
	if (node->nest_level == 0)
	{
		node->only_changed = only_changed;
		dlist_push_tail(&fresh_nodes, &node->fresh);
	}
	node->nest_level = GetCurrentTransactionNestLevel();
}

QlmCachedNode *
qlm_node_id_cache_add(QlmNodeIdCache *cache, int parent_id, const char *name,
					  bool is_item, int id)
{
	Size		len = strlen(name) + 1;
	QlmCachedNode *node;
	NodeEntry  *entry;
	NodeKey		key;
	bool		found;

	node = MemoryContextAllocZero(cache->context, offsetof(QlmCachedNode, name) + len);
	node->id = id;
	node->parent_id = parent_id;
	node->is_item = is_item;
	node->is_private = !cache->is_shared;
	memcpy(node->name, name, len);

	key.parent_id = parent_id;
	key.name = node->name;
	entry = nodehash_insert(cache->nodes, key, &found);
	if (found)
	{
		pfree(node);
		return entry->node;
	}
	entry->node = node;
	mark_fresh(node, false);
	return node;
}

void
qlm_node_id_cache_set_details(QlmCachedNode *node, uint64 hash)
{
	node->details_hash = hash;
	node->details_generation = qlm_catalog_generation(QLM_REL_META_DATA);
	mark_fresh(node, true);
}

bool
qlm_node_id_cache_has_details(const QlmCachedNode *node, uint64 hash)
{
	return node->details_hash == hash &&
		node->details_generation == qlm_catalog_generation(QLM_REL_META_DATA);
}
