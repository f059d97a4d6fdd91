/*
 * missing_nodes.c
 *		Creates the Objects and InfoItems that a write names and that do not
 *		exist yet.
 *
 * Statements are set-based, level by level, Objects before InfoItems.  An
 * Object and an InfoItem must not share a path, which a constraint cannot
 * express.  So whoever creates something in an Object locks the Object first.
 * Locks are taken in the order of ids and rows are inserted in the order of
 * paths, so that processes that create the same nodes do not deadlock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/subtransaction.h"
#include "storage/object/details.h"
#include "storage/object/details_hash.h"
#include "storage/object/missing_nodes.h"
#include "storage/object/node_bulk.h"
#include "storage/object/node_id_cache.h"
#include "storage/replica/sequence.h"

/* At least so many new nodes in existing Objects are inserted in bulk. */
#define MANY 16

typedef struct MissingEntry
{
	const char *path;
	QlmNewNode *node;
	uint32		hash;
	char		status;
} MissingEntry;

#define SH_PREFIX missinghash
#define SH_ELEMENT_TYPE MissingEntry
#define SH_KEY_TYPE const char *
#define SH_KEY path
#define SH_HASH_KEY(tb, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct QlmMissingNodes
{
	QlmNodeIdCache *cache;
	missinghash_hash *by_path;
	QlmNewNode **nodes;
	int			n;
	int			capacity;
	bool		locked;			/* all parents that existed before are locked */
};

#define NEW_NODES \
	"ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)," \
	" pg_catalog.unnest($3), pg_catalog.unnest($4))" \
	" n(parent_id, name, path, doc)"

static QlmPlan find_plan = {
	"SELECT o.path, o.object_id, o.parent_id, false FROM qlm.object o"
	" WHERE o.path = ANY ($1)"
	" UNION ALL"
	" SELECT i.path, i.info_item_id, i.object_id, true FROM qlm.info_item i"
	" WHERE i.path = ANY ($1)",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan lock_plan = {
	"SELECT FROM qlm.object o WHERE o.object_id = ANY ($1)"
	" ORDER BY o.object_id FOR NO KEY UPDATE",
	1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan still_objects_plan = {
	"SELECT FROM qlm.object o WHERE o.path = ANY ($1)"
	" ORDER BY o.object_id FOR KEY SHARE",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan still_items_plan = {
	"SELECT FROM qlm.info_item i WHERE i.path = ANY ($1)"
	" ORDER BY i.info_item_id FOR KEY SHARE",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

#define MAKE_OBJECTS \
	"INSERT INTO qlm.object (parent_id, id, path, type, description, attributes)" \
	" SELECT NULLIF(n.parent_id, 0), n.name, n.path, n.doc->>'type'," \
	" n.doc->'description', " QLM_SQL_GIVEN_ATTRIBUTES("n.doc->'attributes'") \
	" FROM " NEW_NODES

#define MAKE_ITEMS \
	"INSERT INTO qlm.info_item (object_id, name, path, type, description," \
	" alt_names, attributes)" \
	" SELECT n.parent_id, n.name, n.path, n.doc->>'type'," \
	" n.doc->'description', n.doc->'alt_names', " \
	QLM_SQL_GIVEN_ATTRIBUTES("n.doc->'attributes'") \
	" FROM " NEW_NODES

#define RETURNING_OBJECTS " RETURNING path, object_id"
#define RETURNING_ITEMS " RETURNING path, info_item_id"
#define IF_NEW " ON CONFLICT (path) DO NOTHING"

#define MAKE_PLAN(sql) \
	{sql, 4, {INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID}, \
	QLM_PLAN_GENERIC}

/* First index: InfoItems?  Second index: are the parents new, too? */
static QlmPlan make_plans[2][2] = {
	{
		MAKE_PLAN(MAKE_OBJECTS IF_NEW RETURNING_OBJECTS),
		MAKE_PLAN(MAKE_OBJECTS RETURNING_OBJECTS)
	},
	{
		MAKE_PLAN(MAKE_ITEMS IF_NEW RETURNING_ITEMS),
		MAKE_PLAN(MAKE_ITEMS RETURNING_ITEMS)
	}
};

QlmMissingNodes *
qlm_missing_nodes_create(QlmNodeIdCache *cache)
{
	QlmMissingNodes *missing = palloc0(sizeof(QlmMissingNodes));

	missing->cache = cache;
	missing->by_path = missinghash_create(CurrentMemoryContext, 16, NULL);
	missing->capacity = 16;
	missing->nodes = palloc(missing->capacity * sizeof(QlmNewNode *));
	return missing;
}

int
qlm_missing_nodes_count(const QlmMissingNodes *missing)
{
	return missing->n;
}

const QlmNewNode *
qlm_missing_nodes_get(const QlmMissingNodes *missing, int i)
{
	return missing->nodes[i];
}

const QlmNewNode *
qlm_missing_nodes_add(QlmMissingNodes *missing, const QlmNewNode *node)
{
	bool		found;
	MissingEntry *entry = missinghash_insert(missing->by_path, node->path,
											 &found);

	if (found)
		return entry->node;
	if (missing->n == missing->capacity)
	{
		missing->capacity *= 2;
		missing->nodes = repalloc_huge(missing->nodes, missing->capacity *
									   sizeof(QlmNewNode *));
	}
	entry->node = palloc(sizeof(QlmNewNode));
	*entry->node = *node;
	missing->nodes[missing->n++] = entry->node;
	return entry->node;
}

static bool
has_new_parent(const QlmNewNode *node)
{
	return node->parent != NULL;
}

/*
 * Fills in the paths of nodes whose parents are missing, too, or of the
 * others.  Returns how many.
 */
static int
paths_of(const QlmMissingNodes *missing, bool below_missing, Datum *array)
{
	const char **paths = palloc(missing->n * sizeof(char *));
	int			n = 0;

	for (int i = 0; i < missing->n; i++)
		if (has_new_parent(missing->nodes[i]) == below_missing)
			paths[n++] = missing->nodes[i]->path;
	*array = qlm_array_text(paths, n);
	pfree(paths);
	return n;
}

/*
 * A transaction that uses one snapshot may see nodes that others have deleted
 * since.  Locking them raises a serialization failure.
 */
static void
require_still_there(Datum paths)
{
	if (!IsolationUsesXactSnapshot())
		return;
	qlm_plan_execute_indexed(&still_objects_plan, &paths, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	qlm_plan_execute_indexed(&still_items_plan, &paths, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

static int
find_paths(QlmMissingNodes *missing, bool below_missing)
{
	Datum		paths;
	int			found;

	if (paths_of(missing, below_missing, &paths) == 0)
		return 0;
	require_still_there(paths);
	qlm_plan_execute_indexed(&find_plan, &paths, NULL, 0);
	found = SPI_processed;
	for (int i = 0; i < found; i++)
	{
		char	   *path = qlm_spi_text(i, 1);
		MissingEntry *entry = missinghash_lookup(missing->by_path, path);
		bool		isnull;
		int			id = DatumGetInt32(qlm_spi_datum(i, 2, &isnull));
		int			parent_id = DatumGetInt32(qlm_spi_datum(i, 3, &isnull));
		bool		is_item;

		if (isnull)
			parent_id = 0;
		is_item = DatumGetBool(qlm_spi_datum(i, 4, &isnull));
		qlm_node_id_cache_add(missing->cache, parent_id, entry->node->name, is_item, id);
		pfree(path);
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* If a node does not exist, nothing below it exists either. */
int
qlm_missing_nodes_find(QlmMissingNodes *missing)
{
	int			found = find_paths(missing, false);

	return found == 0 ? 0 : found + find_paths(missing, true);
}

static int
compare_nodes(const void *a, const void *b)
{
	const QlmNewNode *x = *(QlmNewNode *const *) a;
	const QlmNewNode *y = *(QlmNewNode *const *) b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->is_item != y->is_item)
		return x->is_item ? 1 : -1;
	if (has_new_parent(x) != has_new_parent(y))
		return has_new_parent(x) ? 1 : -1;
	return strcmp(x->path, y->path);
}

static int
compare_ids(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return (x > y) - (x < y);
}

/*
 * Locks the existing Objects in which nodes will be created.  Returns false if
 * another process has created one of these nodes before.
 */
static bool
lock_parents(QlmMissingNodes *missing)
{
	int		   *ids = palloc(missing->n * sizeof(int));
	int			n = 0;
	Datum		param;

	for (int i = 0; i < missing->n; i++)
		if (missing->nodes[i]->parent == NULL &&
			missing->nodes[i]->parent_id > 0)
			ids[n++] = missing->nodes[i]->parent_id;
	missing->locked = true;
	if (n == 0)
		return true;

	qsort(ids, n, sizeof(int), compare_ids);
	n = qunique(ids, n, sizeof(int), compare_ids);
	param = qlm_array_int4(ids, n);
	qlm_plan_execute_indexed(&lock_plan, &param, NULL, 0);
	missing->locked = SPI_processed == n;
	SPI_freetuptable(SPI_tuptable);

	(void) paths_of(missing, false, &param);
	qlm_plan_execute_indexed(&find_plan, &param, NULL, 1);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed == 0;
}

static Datum
text_array(QlmNewNode **nodes, int n, bool names)
{
	const char **texts = palloc(n * sizeof(char *));
	Datum		array;

	for (int i = 0; i < n; i++)
		texts[i] = names ? nodes[i]->name : nodes[i]->path;
	array = qlm_array_text(texts, n);
	pfree(texts);
	return array;
}

/*
 * Creates the nodes of one level and kind by a statement.  Nobody else can
 * create anything in an Object that is new, so conflicts are possible only if
 * the parent existed before.
 */
static bool
insert_level(QlmMissingNodes *missing, QlmNewNode **nodes, int n)
{
	int		   *parents = palloc(n * sizeof(int));
	Datum	   *docs = palloc(n * sizeof(Datum));
	Datum		params[4];
	int			made;

	for (int i = 0; i < n; i++)
	{
		const QlmNewNode *node = nodes[i];

		parents[i] = node->parent ? node->parent->id : node->parent_id;
		docs[i] = node->is_item ? qlm_details_item_to_jsonb(node->item) :
			qlm_details_object_to_jsonb(node->object);
	}
	params[0] = qlm_array_int4(parents, n);
	params[1] = text_array(nodes, n, true);
	params[2] = text_array(nodes, n, false);
	params[3] = qlm_array_jsonb(docs, n);
	qlm_plan_execute(&make_plans[nodes[0]->is_item][has_new_parent(nodes[0])],
					 params, NULL, 0);

	made = SPI_processed;
	for (int i = 0; i < made; i++)
	{
		char	   *path = qlm_spi_text(i, 1);
		MissingEntry *entry = missinghash_lookup(missing->by_path, path);
		bool		isnull;

		entry->node->id = DatumGetInt32(qlm_spi_datum(i, 2, &isnull));
		pfree(path);
	}
	SPI_freetuptable(SPI_tuptable);
	return made == n;
}

/*
 * Without the executor a conflict is an error.  So if others may be faster,
 * this is only tried for many nodes.
 */
static bool
may_go_in_bulk(const QlmMissingNodes *missing, const QlmNewNode *first, int n)
{
	return has_new_parent(first) || (missing->locked && n >= MANY);
}

static bool
make_levels(QlmMissingNodes *missing, bool in_bulk)
{
	int			end;

	for (int start = 0; start < missing->n; start = end)
	{
		const QlmNewNode *first = missing->nodes[start];

		for (end = start + 1; end < missing->n; end++)
			if (missing->nodes[end]->depth != first->depth ||
				missing->nodes[end]->is_item != first->is_item ||
				has_new_parent(missing->nodes[end]) != has_new_parent(first))
				break;
		if (in_bulk && may_go_in_bulk(missing, first, end - start) &&
			qlm_node_bulk_insert(missing->nodes + start, end - start))
			continue;
		if (!insert_level(missing, missing->nodes + start, end - start))
			return false;
	}
	return true;
}

/*
 * Stores in the cache what the tables hold now.  Ids and MetaData have tables
 * of their own, and are left to details_merge.c.
 */
static void
remember(QlmNodeIdCache *cache, const QlmNewNode *missing)
{
	int			parent_id = missing->parent ? missing->parent->id :
		missing->parent_id;
	QlmCachedNode *node = qlm_node_id_cache_add(cache, parent_id, missing->name,
												   missing->is_item, missing->id);
	uint64		hash;
	QlmDetailsParts parts;

	hash = missing->is_item ? qlm_details_item_hash(missing->item, &parts) :
		qlm_details_object_hash(missing->object, &parts);
	if (hash != 0 && !parts.ids && !parts.meta_data)
		qlm_node_id_cache_set_details(node, hash);
}

typedef enum Outcome
{
	MADE,
	FOUND,						/* another process has created some of the nodes */
	CONFLICT					/* the same, or a conflict in a unique index of a user */
} Outcome;

static Outcome
try_make(QlmMissingNodes *missing, bool in_bulk)
{
	volatile Outcome outcome;

	QLM_SUBTRANSACTION_TRY();
	{
		if (lock_parents(missing) && make_levels(missing, in_bulk))
			outcome = MADE;
		else
		{
			outcome = FOUND;
			QLM_SUBTRANSACTION_UNDO();
		}
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (!in_bulk && qlm_sequence_is_behind(error))
			qlm_sequence_raise(error);
		if (!in_bulk || error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
			ReThrowError(error);
		FreeErrorData(error);
		outcome = CONFLICT;
	}
	QLM_SUBTRANSACTION_END();
	return outcome;
}

bool
qlm_missing_nodes_make(QlmMissingNodes *missing)
{
	Outcome		outcome;

	qsort(missing->nodes, missing->n, sizeof(QlmNewNode *), compare_nodes);
	outcome = try_make(missing, true);
	if (outcome == CONFLICT)
		outcome = try_make(missing, false);
	if (outcome != MADE)
		return false;
	for (int i = 0; i < missing->n; i++)
		remember(missing->cache, missing->nodes[i]);
	return true;
}
