/*
 * select.c
 *		Answers a request tree.
 *
 * First the named nodes are read in one statement, then all that is below its
 * leaves, then MetaData if they are asked for, then values.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/limits.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/select/node_row.h"
#include "storage/select/select.h"
#include "storage/select/select_alias.h"
#include "storage/select/select_node.h"
#include "storage/select/select_value.h"
#include "storage/select/wanted_tree.h"

/* Ids contain no slash, so the number of slashes is the depth. */
#define DEPTH(path) \
	"(1 + pg_catalog.length(" path ")" \
	" - pg_catalog.length(pg_catalog.replace(" path ", '/', '')))"

/* All paths that begin with "leaf/"; "0" is the character after "/". */
static QlmPlan below_plan = {
	"SELECT " QLM_OBJECT_COLUMNS
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) s(path, depth)"
	" JOIN qlm.object o ON o.path > (s.path || '/') COLLATE \"C\""
	" AND o.path < (s.path || '0') COLLATE \"C\""
	" AND ($3 = 0 OR " DEPTH("o.path") " <= s.depth + $3)"
	" UNION ALL"
	" SELECT " QLM_ITEM_COLUMNS
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) s(path, depth)"
	" JOIN qlm.info_item i ON i.path > (s.path || '/') COLLATE \"C\""
	" AND i.path < (s.path || '0') COLLATE \"C\""
	" AND ($3 = 0 OR " DEPTH("i.path") " <= s.depth + $3)"
	" ORDER BY 1, 4",
	3, {TEXTARRAYOID, INT4ARRAYOID, INT4OID}, QLM_PLAN_GENERIC
};

static QlmPlan everything_plan = {
	"SELECT " QLM_OBJECT_COLUMNS " FROM qlm.object o"
	" WHERE $1 = 0 OR " DEPTH("o.path") " <= $1"
	" UNION ALL"
	" SELECT " QLM_ITEM_COLUMNS " FROM qlm.info_item i"
	" WHERE $1 = 0 OR " DEPTH("i.path") " <= $1"
	" ORDER BY 1, 4",
	1, {INT4OID}, QLM_PLAN_GENERIC
};

typedef struct Selection
{
	QlmWantedTree *wanted;
	QlmOdf	   *odf;
	QlmValueTargets targets;
	HTAB	   *objects;		/* Objects of the answer, by number */
	const QlmWanted *implied;	/* what is read of nodes below the leaves;
								 * NULL: stubs */
	bool		overlaps;
	int			last_item;		/* the last InfoItem, which may come twice */
} Selection;

typedef struct ObjectEntry
{
	int			object_id;
	QlmObject  *object;
} ObjectEntry;

static void
enter_object(Selection *selection, int object_id, QlmObject *object)
{
	ObjectEntry *entry;

	if (selection->objects == NULL)
		return;
	entry = hash_search(selection->objects, &object_id, HASH_ENTER, NULL);
	entry->object = object;
}

static QlmObject *
find_object(Selection *selection, int object_id)
{
	ObjectEntry *entry = hash_search(selection->objects, &object_id, HASH_FIND,
									 NULL);

	return entry ? entry->object : NULL;
}

/* Adds the named nodes to the answer, parents before children. */
static void
add_named(Selection *selection)
{
	int			n;
	QlmWanted **nodes = qlm_wanted_nodes(selection->wanted, &n);

	for (int i = 0; i < n; i++)
	{
		QlmWanted  *wanted = nodes[i];

		if (!wanted->is_selected)
			continue;
		if (wanted->is_item)
		{
			wanted->item = qlm_select_node_add_item(selection->odf,
													wanted->parent->object,
													wanted->row, wanted, false);
			qlm_value_targets_add(&selection->targets, wanted->row->id,
								  wanted->item);
		}
		else
		{
			wanted->object = qlm_select_node_add_object(selection->odf,
														wanted->parent->object,
														wanted->row, wanted, false);
			enter_object(selection, wanted->row->id, wanted->object);
		}
	}
}

static bool
is_named(Selection *selection, const QlmNodeRow *row)
{
	QlmWanted  *wanted;

	if (!selection->overlaps)
		return false;
	wanted = qlm_wanted_find(selection->wanted, row->path, row->is_item);
	return wanted != NULL && wanted->is_selected;
}

static void
check_size(const QlmOdf *odf)
{
	if (odf->nobjects + odf->nitems >= qlm_max_values)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the answer has more than %d Objects and InfoItems",
						qlm_max_values),
				 errhint("Ask for less with maxlevels or by path.")));
}

/*
 * Adds a node below a leaf.  Objects come in order of paths, so a parent comes
 * before its children.
 */
static void
add_below(void *arg, const Datum *values, const bool *nulls)
{
	Selection  *selection = arg;
	QlmNodeRow *row = qlm_node_row(values, nulls);
	QlmObject  *parent = NULL;

	check_size(selection->odf);
	if (row->parent_id != 0)
		parent = find_object(selection, row->parent_id);
	if ((row->parent_id == 0 || parent != NULL) && !is_named(selection, row))
	{
		if (!row->is_item)
		{
			if (find_object(selection, row->id) == NULL)
				enter_object(selection, row->id,
							 qlm_select_node_add_object(selection->odf, parent, row,
														selection->implied, false));
		}
		else if (row->id != selection->last_item)
		{
			QlmInfoItem *item = qlm_select_node_add_item(selection->odf, parent, row,
														 selection->implied, false);

			selection->last_item = row->id;
			item->is_implied = true;
			qlm_value_targets_add(&selection->targets, row->id, item);
		}
	}
	qlm_node_row_free(row);
}

static void
create_object_table(Selection *selection)
{
	HASHCTL		info = {0};

	info.keysize = sizeof(int);
	info.entrysize = sizeof(ObjectEntry);
	info.hcxt = CurrentMemoryContext;
	selection->objects = hash_create("qlm objects of an answer", 256, &info,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Collects the Objects that are leaves.  Returns how many. */
static int
collect_leaves(QlmWantedTree *tree, const char **paths, int *depths)
{
	int			n;
	QlmWanted **nodes = qlm_wanted_nodes(tree, &n);
	int			nleaves = 0;

	for (int i = 0; i < n; i++)
	{
		if (!nodes[i]->is_leaf || nodes[i]->is_item || nodes[i]->row == NULL)
			continue;
		paths[nleaves] = nodes[i]->path;
		depths[nleaves++] = nodes[i]->depth;
	}
	return nleaves;
}

static void
select_all(Selection *selection, int max_levels)
{
	Datum		param = Int32GetDatum(max_levels);

	create_object_table(selection);
	add_named(selection);
	qlm_plan_stream(&everything_plan, &param, add_below, selection);
}

static void
select_leaves(Selection *selection, int max_levels)
{
	int			n;
	const char **paths;
	int		   *depths;
	Datum		params[3];

	qlm_wanted_nodes(selection->wanted, &n);
	paths = palloc(Max(n, 1) * sizeof(char *));
	depths = palloc(Max(n, 1) * sizeof(int));
	n = collect_leaves(selection->wanted, paths, depths);
	if (n > 0)
		create_object_table(selection);
	add_named(selection);
	if (n > 0)
	{
		params[0] = qlm_array_text(paths, n);
		params[1] = qlm_array_int4(depths, n);
		params[2] = Int32GetDatum(max_levels);
		qlm_plan_stream_indexed(&below_plan, params, add_below, selection);
		hash_destroy(selection->objects);
	}
	pfree(paths);
	pfree(depths);
}

void
qlm_select(QlmOdf *request, const QlmSelector *selector,
		   QlmOdf **found, QlmOdf **missing)
{
	static const QlmWanted described = {.any_description = true};
	Selection	selection = {0};
	QlmWanted **nodes;
	int			nleaves;
	int			n;

	*found = NULL;
	selection.wanted = qlm_select_alias_find_nodes(request, &nleaves);
	selection.overlaps = qlm_wanted_overlaps(selection.wanted);
	if (selector->details)
	{
		qlm_wanted_describe(selection.wanted);
		selection.implied = &described;
	}
	if (nleaves > 0 || qlm_wanted_root(selection.wanted)->is_leaf)
	{
		*found = selection.odf = qlm_odf_create();
		if (qlm_wanted_root(selection.wanted)->is_leaf)
			select_all(&selection, selector->max_levels);
		else
			select_leaves(&selection, selector->max_levels);
		nodes = qlm_wanted_nodes(selection.wanted, &n);
		if (selector->details)
			qlm_select_node_read_all_meta_data(selection.odf, selection.targets.ids,
											   selection.targets.items,
											   selection.targets.n);
		else
			qlm_select_node_read_meta_data(selection.odf, nodes, n);
		if (!selector->no_values)
			qlm_select_values(selection.odf, &selection.targets, selector);
	}
	*missing = qlm_wanted_missing(selection.wanted);
}
