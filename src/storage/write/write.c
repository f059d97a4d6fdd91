/*
 * write.c
 *		Writes payloads into tables, those of many envelopes at once.
 *
 * The trees are traversed with the cache of nodes.  In most cases that yields
 * all rows to insert.  If nodes are missing they are looked up or created, and
 * the trees are traversed again.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/path.h"
#include "storage/object/alias.h"
#include "storage/object/details_merge.h"
#include "storage/object/missing_nodes.h"
#include "storage/object/node_bulk.h"
#include "storage/object/node_id_cache.h"
#include "storage/subscription/subscription_events.h"
#include "storage/value/value_insert.h"
#include "storage/value/value_row.h"
#include "storage/write/write.h"
#include "storage/write/write_counts.h"
#include "storage/write/write_outcome.h"

/* If the clock is set back by more than this, times follow it. */
#define MAX_AHEAD (10 * USECS_PER_SEC)

/* How often others may be faster in creating nodes that an envelope needs */
#define MAX_ROUNDS 1000

typedef struct Walk
{
	QlmNodeIdCache *cache;
	QlmWrite   *write;
	QlmMissingNodes *missing;
	QlmAliases *aliases;		/* for names not found; NULL: none */
	MemoryContext payload;		/* memory of the envelopes */
	QlmWriteOutcome *outcome;
	QlmDetailsTasks details;
	QlmValueRow *rows;
	int			nrows;
	int			capacity;
	StringInfoData path;		/* path of the current node; reused, as there may be many */
} Walk;

/* The current node of the traversal */
typedef struct Position
{
	const struct Position *parent; /* NULL: this is the root */
	const char *name;
	int			depth;
	int			id;				/* 0: the root; -1: missing */
	QlmCachedNode *node;
	const QlmNewNode *missing;
} Position;

static void
append_path(StringInfo path, const Position *at)
{
	if (at->parent == NULL)
		return;
	append_path(path, at->parent);
	qlm_path_append(path, at->name);
}

static bool
refuse(Walk *walk, const char *error)
{
	walk->write->error_code = 400;
	walk->write->error = error;
	return false;
}

static bool
refuse_kind(Walk *walk, const Position *at)
{
	StringInfoData path;

	initStringInfo(&path);
	append_path(&path, at);
	return refuse(walk,
				  psprintf("An Object and an InfoItem cannot share the path %s",
						   path.data));
}

static bool
add_missing(Walk *walk, Position *at, const QlmObject *object,
			const QlmInfoItem *item)
{
	QlmNewNode	node = {0};

	resetStringInfo(&walk->path);
	append_path(&walk->path, at);
	if (strlen(at->name) > QLM_MAX_NAME)
		return refuse(walk, psprintf("An id or name is longer than %d bytes",
									 QLM_MAX_NAME));
	if (walk->path.len > QLM_MAX_PATH)
		return refuse(walk, psprintf("A path is longer than %d bytes",
									 QLM_MAX_PATH));
	node.parent = at->parent->missing;
	node.parent_id = at->parent->id;
	node.depth = at->depth;
	node.is_item = item != NULL;
	node.name = at->name;
	node.write = walk->write;
	node.path = pstrdup(walk->path.data);
	node.object = object;
	node.item = item;
	at->id = -1;
	at->missing = qlm_missing_nodes_add(walk->missing, &node);
	if (at->missing->is_item != node.is_item)
		return refuse_kind(walk, at);
	return true;
}

/* If an envelope names a node by an alias, replaces that by the name. */
static void
enter_alias(Walk *walk, Position *at, QlmObject *object, QlmInfoItem *item)
{
	const char *canonical = qlm_aliases_canonical(walk->aliases,
												  at->parent->id, at->name,
												  item != NULL);
	MemoryContext context;

	if (canonical == NULL)
		return;
	context = MemoryContextSwitchTo(walk->payload);
	if (object != NULL)
		qlm_alias_rename_object(object, canonical);
	else
		qlm_alias_rename_item(item, canonical);
	MemoryContextSwitchTo(context);
	at->name = object != NULL ? object->ids->text : item->name;
	at->node = qlm_node_id_cache_find(walk->cache, at->parent->id, at->name);
}

/*
 * Goes down to an Object or InfoItem.  Returns false if the write is refused.
 */
static bool
enter(Walk *walk, const Position *parent, Position *at, const char *name,
	  QlmObject *object, QlmInfoItem *item)
{
	at->parent = parent;
	at->name = name;
	at->depth = parent->depth + 1;
	at->missing = NULL;
	at->node = parent->id < 0 ? NULL :
		qlm_node_id_cache_find(walk->cache, parent->id, name);
	if (at->node == NULL && walk->aliases != NULL && parent->id >= 0)
		enter_alias(walk, at, object, item);
	if (at->node == NULL)
		return add_missing(walk, at, object, item);
	at->id = at->node->id;
	if (at->node->is_item != (item != NULL))
		return refuse_kind(walk, at);
	if (object != NULL)
		qlm_details_merge_add_object(&walk->details, at->node, object);
	else
		qlm_details_merge_add_item(&walk->details, at->node, item);
	return true;
}

static void
reserve_rows(Walk *walk, int n)
{
	if (walk->nrows + n <= walk->capacity)
		return;
	walk->capacity = Max(walk->nrows + n, walk->capacity * 2);
	walk->rows = repalloc_huge(walk->rows,
							   walk->capacity * sizeof(QlmValueRow));
}

/* Values without a time get times one microsecond apart. */
static void
add_rows(Walk *walk, int info_item_id, const QlmInfoItem *item)
{
	TimestampTz next = walk->write->received_at;

	reserve_rows(walk, item->nvalues);
	for (const QlmValue *value = item->values; value; value = value->next)
	{
		QlmValueRow *row = &walk->rows[walk->nrows];

		row->info_item_id = info_item_id;
		row->peer_id = walk->write->peer_id;
		row->is_given = value->has_ts;
		row->ts = value->has_ts ? value->ts : next++;
		row->arrival = walk->nrows++;
		row->value = value;
	}
}

static bool
walk_object(Walk *walk, const Position *at, QlmObject *object)
{
	check_stack_depth();
	for (QlmInfoItem *item = object->items; item; item = item->next)
	{
		Position	below;

		if (!enter(walk, at, &below, item->name, NULL, item))
			return false;
		if (item->nvalues == 0 || item->nempty > 0)
			walk->write->lacks = true;
		if (below.id > 0)
			add_rows(walk, below.id, item);
	}
	for (QlmObject *child = object->objects; child; child = child->next)
	{
		Position	below;

		if (!enter(walk, at, &below, child->ids->text, child, NULL) ||
			!walk_object(walk, &below, child))
			return false;
	}
	return true;
}

static bool
walk_write(Walk *walk, QlmWrite *write)
{
	Position	root = {0};

	walk->write = write;
	if (write->odf->root.items != NULL)
		return refuse(walk, "An InfoItem must be in an Object");
	return walk_object(walk, &root, &write->odf->root);
}

/*
 * Traverses all writes that are not refused.  Returns false if one is refused
 * now.
 */
static bool
walk_all(Walk *walk, QlmWrite *writes, int n)
{
	bool		accepted = true;

	walk->missing = qlm_missing_nodes_create(walk->cache);
	walk->nrows = 0;
	qlm_details_merge_reset(&walk->details);
	for (int i = 0; i < n; i++)
	{
		writes[i].arrival = walk->nrows;
		if (writes[i].error_code == 0 && !walk_write(walk, &writes[i]))
			accepted = false;
	}
	return accepted;
}

/*
 * Looks for aliases among the names not found in existing Objects.  Returns
 * whether there are any.
 */
static bool
find_aliases(Walk *walk)
{
	int			n = qlm_missing_nodes_count(walk->missing);

	walk->aliases = qlm_aliases_create();
	for (int i = 0; i < n; i++)
	{
		const QlmNewNode *node = qlm_missing_nodes_get(walk->missing, i);

		if (node->parent == NULL)
			qlm_aliases_add(walk->aliases, node->parent_id, node->name,
							node->is_item);
	}
	if (qlm_aliases_find(walk->aliases) == 0)
		walk->aliases = NULL;
	return walk->aliases != NULL;
}

/*
 * Traverses the trees until nothing is missing.  In each round a write is
 * refused, something missing is found, perhaps by an alias, or all of it is
 * created.  If none of this happens, the nodes exist but are not visible.
 */
static void
resolve(Walk *walk, QlmWrite *writes, int n)
{
	bool		blocked = false;

	for (int rounds = 0;; rounds++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rounds > n + MAX_ROUNDS)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("paths in qlm.object and qlm.info_item do not fit their parents")));
		if (!walk_all(walk, writes, n))
			continue;
		if (qlm_missing_nodes_count(walk->missing) == 0)
			return;
		if (qlm_missing_nodes_find(walk->missing) > 0)
			blocked = false;
		else if (find_aliases(walk))
			blocked = false;
		else if (qlm_missing_nodes_make(walk->missing))
		{
			qlm_write_outcome_add_made(walk->outcome, walk->missing);
			blocked = false;
		}
		else if (blocked)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for an Object or InfoItem of the message"),
					 errdetail("It exists, but the current role may not see it.")));
		else
			blocked = true;
	}
}

static bool
is_subscribed(const QlmValueRow *rows, int n)
{
	int		   *ids;
	bool		wanted;

	if (!qlm_subscription_any_events())
		return false;
	ids = palloc(n * sizeof(int));
	for (int i = 0; i < n; i++)
		ids[i] = rows[i].info_item_id;
	wanted = qlm_subscription_wants(ids, n);
	pfree(ids);
	return wanted;
}

void
qlm_write_run(QlmWrite *writes, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "qlm write",
												  ALLOCSET_DEFAULT_SIZES);
	Walk		walk = {0};
	QlmValueObserver observer = {is_subscribed, qlm_write_outcome_add_value};

	walk.payload = caller;
	observer.arg = walk.outcome = qlm_write_outcome_create(writes, n);
	MemoryContextSwitchTo(context);
	for (int i = 0; i < n; i++)
	{
		writes[i].error_code = 0;
		writes[i].error = NULL;
		memset(&writes[i].counts, 0, sizeof(QlmWriteCounts));
		writes[i].makes = writes[i].lacks = false;
	}
	initStringInfo(&walk.path);
	walk.capacity = 64;
	walk.rows = palloc(walk.capacity * sizeof(QlmValueRow));
	walk.cache = qlm_node_id_cache_begin();
	resolve(&walk, writes, n);
	qlm_details_merge_store(&walk.details);
	qlm_value_insert(walk.rows, walk.nrows, &observer);
	qlm_write_outcome_finish(walk.outcome);

	MemoryContextSwitchTo(caller);
	for (int i = 0; i < n; i++)
		if (writes[i].error != NULL)
			writes[i].error = pstrdup(writes[i].error);
	MemoryContextDelete(context);
}

TimestampTz
qlm_write_receipt(int nvalues)
{
	static TimestampTz next = 0;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz given = now;

	if (next > now && next - now < MAX_AHEAD)
		given = next;
	next = given + Max(nvalues, 1);
	return given;
}
