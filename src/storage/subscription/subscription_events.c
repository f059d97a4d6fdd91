/*
 * subscription_events.c
 *		Which subscriptions are for events of which InfoItems?
 *
 * Each process caches all event subscriptions.  For each InfoItem it has met
 * it remembers the subscribers, or one bit if there are none.  So a value that
 * nobody subscribes to costs one lookup and no SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/path_map.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/validity.h"
#include "storage/role/role.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_alias.h"
#include "storage/subscription/subscription_events.h"

/* InfoItems with subscribers that are remembered */
#define MAX_ITEMS 65536

/*
 * Larger ids of InfoItems without subscribers are not remembered; 8 MB of bits
 */
#define MAX_UNWANTED (64 * 1024 * 1024)

typedef struct EventCache
{
	MemoryContext context;
	QlmValidity	stamp;
	int			nsubscriptions;
	int			nfirst;			/* subscriptions to first values and to sessions */
	QlmPathMap	targets;
	QlmTargets	aliases;		/* targets that are aliases */
	QlmValidity	items_stamp;
	HTAB	   *items;			/* InfoItems with subscribers; NULL: not made yet */
	Bitmapset  *unwanted;		/* InfoItems without subscribers */
	bool		items_complete; /* false after an error */
	MemoryContext items_context;
} EventCache;

static EventCache *current = NULL;

/* InfoItems that are met for the first time, to be looked up together */
typedef struct Strangers
{
	int		   *ids;
	int			n;
	int			capacity;
} Strangers;

static Strangers strangers;

static QlmPlan load_plan = {
	"SELECT request_id, role::pg_catalog.text, peer, callback, \"interval\","
	" dialect, created_at, expires_at,"
	" ARRAY(SELECT t.path FROM qlm.subscription_target t"
	" WHERE t.request_id = s.request_id), peer_id, role_id"
	" FROM qlm.subscription s WHERE \"interval\" <= 0 AND node IS NULL",
	0, {0}
};

static QlmPlan paths_plan = {
	"SELECT info_item_id, path FROM qlm.info_item WHERE info_item_id = ANY ($1)",
	1, {INT4ARRAYOID}
};

static void
load_targets(EventCache *cache, QlmEventSubscription *entry, Datum array)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	entry->subscription.ntargets = n;
	entry->subscription.targets = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		entry->subscription.targets[i] = TextDatumGetCString(elements[i]);
		qlm_path_map_add(&cache->targets, entry->subscription.targets[i], entry);
		qlm_targets_add(&cache->aliases, entry->subscription.targets[i], entry);
	}
}

static void
load_subscription(EventCache *cache, uint64 row)
{
	QlmEventSubscription *entry = palloc0(sizeof(QlmEventSubscription));
	QlmSubscription *subscription = &entry->subscription;
	bool		isnull;

	subscription->request_id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
	subscription->role = qlm_role_of(DatumGetInt64(qlm_spi_datum(row, 11, &isnull)),
									 qlm_spi_text(row, 2));
	subscription->peer = qlm_spi_text(row, 3);
	subscription->callback = qlm_spi_text(row, 4);
	subscription->peer_id = DatumGetInt32(qlm_spi_datum(row, 10, &isnull));
	subscription->interval = DatumGetFloat8(qlm_spi_datum(row, 5, &isnull));
	subscription->dialect = qlm_spi_text(row, 6);
	subscription->created_at = DatumGetTimestampTz(qlm_spi_datum(row, 7, &isnull));
	subscription->expires_at = DatumGetTimestampTz(qlm_spi_datum(row, 8, &isnull));
	if (subscription->interval == -2)
		cache->nfirst++;
	if (OidIsValid(subscription->role)) /* else it is to be ended */
		load_targets(cache, entry, qlm_spi_datum(row, 9, &isnull));
}

/* Reads the subscriptions into a cache in the transaction's memory. */
static EventCache *
load_subscriptions(void)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext,
												  "qlm event subscriptions",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	EventCache *cache = palloc0(sizeof(EventCache));
	QlmRights	saved;

	cache->context = context;
	cache->stamp = qlm_validity_take(QLM_REL_SUBSCRIPTION);
	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&load_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
	cache->nsubscriptions = (int) SPI_processed;
	for (int i = 0; i < cache->nsubscriptions; i++)
		load_subscription(cache, i);
	qlm_storage_end();
	qlm_path_map_sort(&cache->targets);
	MemoryContextSwitchTo(caller);
	return cache;
}

/*
 * Returns the cache, which is read again if the table has changed.  Pointers
 * into the old one stay valid until the transaction ends.
 */
static EventCache *
event_cache(void)
{
	EventCache *loaded;

	if (current && qlm_validity_holds(&current->stamp, QLM_REL_SUBSCRIPTION))
		return current;
	loaded = load_subscriptions();
	MemoryContextSetParent(loaded->context, CacheMemoryContext);
	if (current)
		MemoryContextSetParent(current->context, TopTransactionContext);
	current = loaded;
	return current;
}

/*
 * A transaction that has used the table takes no new lock on it, which would
 * process invalidations.
 */
bool
qlm_subscription_any_events(void)
{
	AcceptInvalidationMessages();
	if (!qlm_catalog_available())
		return false;
	return event_cache()->nsubscriptions > 0;
}

bool
qlm_subscription_any_first(void)
{
	return qlm_subscription_any_events() && event_cache()->nfirst > 0;
}

/* Forgets the InfoItems if they may have changed or are too many. */
static void
prepare_items(EventCache *cache)
{
	HASHCTL		control = {0};
	bool		changed = qlm_targets_look(&cache->aliases, cache->context);

	if (cache->items && cache->items_complete && !changed &&
		qlm_validity_holds(&cache->items_stamp, QLM_REL_INFO_ITEM) &&
		hash_get_num_entries(cache->items) < MAX_ITEMS)
		return;
	if (cache->items)
	{
		cache->items = NULL;
		cache->unwanted = NULL;
		MemoryContextDelete(cache->items_context);
	}
	cache->items_context = AllocSetContextCreate(cache->context,
												 "qlm subscribed InfoItems",
												 ALLOCSET_DEFAULT_SIZES);
	cache->items_stamp = qlm_validity_take(QLM_REL_INFO_ITEM);
	control.keysize = sizeof(int);
	control.entrysize = sizeof(QlmWantedItem);
	control.hcxt = cache->items_context;
	cache->items = hash_create("qlm subscribed InfoItems", 1024, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
add_interests(QlmWantedItem *item, List *targets, bool by_alias)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		QlmEventSubscription *subscriber = ((QlmPathEntry *) lfirst(lc))->data;
		int			i = 0;

		while (i < item->ninterests && item->interests[i].subscription != subscriber)
			i++;
		if (i < item->ninterests)
			continue;
		item->interests[i].subscription = subscriber;
		item->interests[i].by_alias = by_alias;
		item->ninterests++;
		if (subscriber->subscription.interval == -2)
			item->wants_first = true;
	}
}

/* Finds the subscribers to the InfoItem with this path, each of them once. */
static void
find_subscribers(EventCache *cache, QlmWantedItem *item, const char *path)
{
	List	   *targets = qlm_path_map_find(&cache->targets, path);
	List	   *aliases = qlm_path_map_find(&cache->aliases.aliases, path);
	int			n = list_length(targets) + list_length(aliases);

	item->known = true;
	if (n == 0)
		return;
	item->interests = MemoryContextAlloc(cache->items_context, n * sizeof(QlmInterest));
	add_interests(item, targets, false);
	add_interests(item, aliases, true);
	list_free(targets);
	list_free(aliases);
}

static bool
is_unwanted(const EventCache *cache, int id)
{
	return id >= 0 && id < MAX_UNWANTED && bms_is_member(id, cache->unwanted);
}

/*
 * Stores the subscribers of InfoItems that were looked up, or the bit of those
 * without.  InfoItems that were not visible are not remembered.  The largest
 * id comes first, as a set is copied when it grows.
 */
static void
sort_items(EventCache *cache, const int *ids, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(cache->items_context);
	int		   *unwanted = palloc(n * sizeof(int));
	int			nunwanted = 0;

	for (int i = 0; i < n; i++)
	{
		QlmWantedItem  *item = hash_search(cache->items, &ids[i], HASH_FIND, NULL);

		if (item == NULL || item->ninterests > 0)
			continue;
		if (item->known && ids[i] >= 0 && ids[i] < MAX_UNWANTED)
		{
			unwanted[nunwanted++] = ids[i];
			if (ids[i] > unwanted[0])
			{
				unwanted[nunwanted - 1] = unwanted[0];
				unwanted[0] = ids[i];
			}
		}
		hash_search(cache->items, &ids[i], HASH_REMOVE, NULL);
	}
	for (int i = 0; i < nunwanted; i++)
		cache->unwanted = bms_add_member(cache->unwanted, unwanted[i]);
	pfree(unwanted);
	MemoryContextSwitchTo(caller);
}

/*
 * Looks up the subscribers of InfoItems that are met for the first time.
 * Returns whether there are any.
 */
static bool
resolve_items(EventCache *cache, const int *ids, int n)
{
	bool		anybody = false;
	Datum		values[1];

	values[0] = qlm_array_int4(ids, n);
	qlm_plan_execute_as_owner(&paths_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		int			id = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));
		char	   *path = qlm_spi_text(row, 2);
		QlmWantedItem  *item = hash_search(cache->items, &id, HASH_FIND, NULL);

		if (item && !item->known)
			find_subscribers(cache, item, path);
		anybody |= item && item->ninterests > 0;
		pfree(path);
	}
	SPI_freetuptable(SPI_tuptable);
	sort_items(cache, ids, n);
	return anybody;
}

void
qlm_subscription_begin_meeting(void)
{
	EventCache *cache = event_cache();

	prepare_items(cache);
	cache->items_complete = false;
	strangers.n = 0;
	strangers.capacity = 64;
	strangers.ids = palloc(strangers.capacity * sizeof(int));
}

bool
qlm_subscription_meet(int id)
{
	QlmWantedItem  *item;
	bool		found;

	if (is_unwanted(current, id))
		return false;
	item = hash_search(current->items, &id, HASH_ENTER, &found);
	if (found)
		return item->ninterests > 0;
	memset(item, 0, sizeof(QlmWantedItem));
	item->info_item_id = id;
	if (strangers.n == strangers.capacity)
	{
		strangers.capacity *= 2;
		strangers.ids = repalloc_huge(strangers.ids,
									   strangers.capacity * sizeof(int));
	}
	strangers.ids[strangers.n++] = id;
	return false;
}

bool
qlm_subscription_end_meeting(void)
{
	bool		wanted = strangers.n > 0 &&
		resolve_items(current, strangers.ids, strangers.n);

	current->items_complete = true;
	pfree(strangers.ids);
	return wanted;
}

QlmWantedItem *
qlm_subscription_wanted(int id)
{
	return is_unwanted(current, id) ? NULL :
		hash_search(current->items, &id, HASH_FIND, NULL);
}

bool
qlm_subscription_wants(const int *info_item_ids, int n)
{
	bool		wanted = false;

	if (!qlm_subscription_any_events())
		return false;
	qlm_subscription_begin_meeting();
	for (int i = 0; i < n && !wanted; i++)
		wanted = qlm_subscription_meet(info_item_ids[i]);
	return qlm_subscription_end_meeting() || wanted;
}
