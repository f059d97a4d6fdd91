/*
 * alias_path.c
 *		Finds the nodes that paths name by aliases, and their own paths.
 *
 * All paths are followed together, one id in each round, as far as there are
 * nodes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/path.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/object/alias.h"
#include "storage/object/alias_path.h"
#include "storage/object/path_table.h"

/* A path that is being followed */
typedef struct Way
{
	int			number;
	char	  **ids;
	int			nids;
	int			depth;			/* number of ids that have been followed */
	int			parent_id;		/* the node reached; 0: the root */
	bool		replaced;		/* an id was replaced */
	bool		is_looked_up;	/* the next id was replaced already */
} Way;

typedef struct NodeEntry
{
	const char *path;			/* hash key */
	bool		is_item;
	int			id;
} NodeEntry;

typedef struct Walk
{
	List	   *ways;			/* paths (Way *) not at their end yet */
	HTAB	   *nodes;			/* nodes of this round, by path */
	QlmAliasPath *found;
	int			nfound;
	int			capacity;
} Walk;

static QlmPlan nodes_plan = {
	"SELECT false, o.object_id, o.path FROM qlm.object o WHERE o.path = ANY ($1)"
	" UNION ALL"
	" SELECT true, i.info_item_id, i.path FROM qlm.info_item i WHERE i.path = ANY ($1)",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static void
keep_node(void *arg, const Datum *values, const bool *nulls)
{
	const char *path = TextDatumGetCString(values[2]);
	NodeEntry  *entry = hash_search(arg, &path, HASH_ENTER, NULL);

	entry->path = path;
	entry->is_item = DatumGetBool(values[0]);
	entry->id = DatumGetInt32(values[1]);
}

/* Finds the nodes at these paths by their first ids. */
static HTAB *
find_nodes(const char **paths, int n)
{
	HTAB	   *nodes;
	Datum		param;

	nodes = qlm_path_table("qlm paths", sizeof(NodeEntry));
	if (n > 0)
	{
		param = qlm_array_text(paths, n);
		qlm_plan_stream_indexed(&nodes_plan, &param, keep_node, nodes);
		pfree(DatumGetPointer(param));
	}
	return nodes;
}

static char *
join(const Way *way, int n)
{
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i < n; i++)
		qlm_path_append(&path, way->ids[i]);
	return path.data;
}

static void
add_found(Walk *walk, int number, const char *path)
{
	if (walk->nfound == walk->capacity)
	{
		walk->capacity = Max(16, walk->capacity * 2);
		walk->found = walk->found ?
			repalloc_huge(walk->found, walk->capacity * sizeof(QlmAliasPath)) :
			palloc(walk->capacity * sizeof(QlmAliasPath));
	}
	walk->found[walk->nfound].number = number;
	walk->found[walk->nfound++].path = path;
}

/* Ends a path at the last node found; nodes below it may be created later. */
static void
end_way(Walk *walk, const Way *way)
{
	if (way->replaced)
		add_found(walk, way->number, join(way, way->nids));
}

/*
 * Replaces the next id if it is an alias.  Returns false if the path ends
 * here.
 */
static bool
take_alias(Walk *walk, Way *way, const QlmAliases *aliases)
{
	const char *name = way->ids[way->depth];
	bool		is_last = way->depth == way->nids - 1;
	const char *item = is_last ?
		qlm_aliases_canonical(aliases, way->parent_id, name, true) : NULL;
	const char *object = qlm_aliases_canonical(aliases, way->parent_id, name, false);

	if (item)
	{
		way->ids[way->depth] = unconstify(char *, item);
		add_found(walk, way->number, join(way, way->nids));
		way->ids[way->depth] = unconstify(char *, name);
		if (object == NULL)
			return false;
	}
	if (object)
	{
		way->ids[way->depth] = unconstify(char *, object);
		way->replaced = way->is_looked_up = true;
		return true;
	}
	end_way(walk, way);
	return false;
}

/* Goes on to the node found.  Returns false if the path ends here. */
static bool
step(Walk *walk, Way *way, const NodeEntry *node)
{
	if (!node->is_item && ++way->depth < way->nids)
	{
		way->parent_id = node->id;
		way->is_looked_up = false;
		return true;
	}
	end_way(walk, way);
	return false;
}

static void
next_round(Walk *walk)
{
	int			n = list_length(walk->ways);
	const char **paths = palloc(n * sizeof(char *));
	QlmAliases *aliases = qlm_aliases_create();
	HTAB	   *nodes;
	List	   *on = NIL;

	for (int i = 0; i < n; i++)
	{
		const Way  *way = list_nth(walk->ways, i);

		paths[i] = join(way, way->depth + 1);
	}
	nodes = find_nodes(paths, n);
	for (int i = 0; i < n; i++)
	{
		const Way  *way = list_nth(walk->ways, i);

		if (way->is_looked_up || hash_search(nodes, &paths[i], HASH_FIND, NULL))
			continue;
		qlm_aliases_add(aliases, way->parent_id, way->ids[way->depth], false);
		if (way->depth == way->nids - 1)
			qlm_aliases_add(aliases, way->parent_id, way->ids[way->depth], true);
	}
	(void) qlm_aliases_find(aliases);
	for (int i = 0; i < n; i++)
	{
		Way		   *way = list_nth(walk->ways, i);
		NodeEntry  *entry = hash_search(nodes, &paths[i], HASH_FIND, NULL);
		bool		goes_on = false;

		if (entry)
			goes_on = step(walk, way, entry);
		else if (way->is_looked_up)
			end_way(walk, way); /* not visible, or just deleted */
		else
			goes_on = take_alias(walk, way, aliases);
		if (goes_on)
			on = lappend(on, way);
	}
	hash_destroy(nodes);
	list_free(walk->ways);
	walk->ways = on;
}

static int
compare_found(const void *a, const void *b)
{
	const QlmAliasPath *x = a;
	const QlmAliasPath *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void
begin_way(Walk *walk, const char *path, int number)
{
	Way		   *way = palloc0(sizeof(Way));
	const char *error;

	way->number = number;
	way->nids = qlm_path_split(path, &way->ids, &error);
	if (way->nids > 0)
		walk->ways = lappend(walk->ways, way);
}

int
qlm_alias_paths(const char **paths, int n, bool *there, QlmAliasPath **found)
{
	Walk		walk = {0};
	HTAB	   *nodes = find_nodes(paths, n);

	for (int i = 0; i < n; i++)
	{
		bool		is_there = paths[i][0] == '\0' ||
			hash_search(nodes, &paths[i], HASH_FIND, NULL) != NULL;

		if (there)
			there[i] = is_there;
		if (!is_there)
			begin_way(&walk, paths[i], i);
	}
	hash_destroy(nodes);
	while (walk.ways != NIL)
		next_round(&walk);
	if (walk.nfound > 1)
		qsort(walk.found, walk.nfound, sizeof(QlmAliasPath), compare_found);
	*found = walk.found;
	return walk.nfound;
}
