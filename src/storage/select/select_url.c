/*
 * select_url.c
 *		Reads what is at the path of a URL, one level deep.
 *
 * One or two statements find the node, another one its values or children.
 * The nodes above it are read only if row level security hides rows, and
 * aliases are looked up only if nothing was found.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/limits.h"
#include "base/path.h"
#include "storage/core/acl.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/object/alias.h"
#include "storage/select/node_row.h"
#include "storage/select/select_node.h"
#include "storage/select/select_url.h"
#include "storage/select/select_value.h"
#include "storage/select/wanted_tree.h"

/*
 * Ways to read a path: as a node, a part of it, MetaData, or the value of
 * MetaData
 */
#define MAX_READINGS 4

typedef struct Reading
{
	int			depth;			/* number of ids that name the node */
	QlmUrlPart	part;
	const char *meta_data;		/* its name, or NULL */
	bool		maybe_object;
	bool		maybe_item;
	const char *path;
	QlmNodeRow *object;			/* the node found, or NULL */
	QlmNodeRow *item;
} Reading;

typedef struct Readings
{
	Reading		readings[MAX_READINGS];
	int			n;
} Readings;

static QlmPlan object_plan = {
	"SELECT " QLM_OBJECT_COLUMNS " FROM qlm.object o WHERE o.path = ANY ($1)",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan item_plan = {
	"SELECT " QLM_ITEM_COLUMNS " FROM qlm.info_item i WHERE i.path = ANY ($1)",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan way_plan = {
	"SELECT o.object_id, COALESCE(o.parent_id, 0), o.path, false FROM qlm.object o"
	" WHERE o.path = ANY ($1)"
	" UNION ALL"
	" SELECT i.info_item_id, i.object_id, i.path, true FROM qlm.info_item i"
	" WHERE i.path = ANY ($1)",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

#define BARE_OBJECT_COLUMNS \
	"false, o.object_id, o.parent_id, o.path, o.id, o.type, NULL::jsonb," \
	" o.attributes, " QLM_OBJECT_IDS ", false"

static QlmPlan top_plan = {
	"SELECT " BARE_OBJECT_COLUMNS " FROM qlm.object o"
	" WHERE o.parent_id IS NULL ORDER BY o.path",
	0
};

static QlmPlan children_plan = {
	"SELECT " BARE_OBJECT_COLUMNS " FROM qlm.object o WHERE o.parent_id = $1"
	" UNION ALL"
	" SELECT true, i.info_item_id, i.object_id, i.path, i.name, i.type,"
	" NULL, i.attributes, NULL, false"
	" FROM qlm.info_item i WHERE i.object_id = $1"
	" ORDER BY 1, 4",
	1, {INT4OID}, QLM_PLAN_GENERIC
};

static const char *
join_path(char **ids, int n)
{
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i < n; i++)
		qlm_path_append(&path, ids[i]);
	return path.data;
}

static Reading *
add_reading(Readings *readings, char **ids, int depth, QlmUrlPart part)
{
	Reading    *reading = &readings->readings[readings->n++];

	reading->depth = depth;
	reading->part = part;
	reading->path = join_path(ids, depth);
	reading->maybe_object = part == QLM_URL_PART_NODE;
	reading->maybe_item = depth > 1;
	return reading;
}

static void
add_part(Readings *readings, char **ids, int n)
{
	const char *word = ids[n - 1];
	Reading    *reading;

	if (strcmp(word, "value") == 0 && n > 2)
		add_reading(readings, ids, n - 1, QLM_URL_PART_VALUE);
	else if (strcmp(word, "MetaData") == 0 && n > 2)
		add_reading(readings, ids, n - 1, QLM_URL_PART_META_DATA);
	else if (strcmp(word, "name") == 0 && n > 2)
		add_reading(readings, ids, n - 1, QLM_URL_PART_NAMES);
	else if (strcmp(word, "id") == 0)
	{
		reading = add_reading(readings, ids, n - 1, QLM_URL_PART_NAMES);
		reading->maybe_object = true;
		reading->maybe_item = false;
	}
	else if (strcmp(word, "description") == 0)
		add_reading(readings, ids, n - 1, QLM_URL_PART_DESCRIPTION)->maybe_object = true;
}

/* Fills in all ways to read the path, the best first. */
static void
read_path(Readings *readings, char **ids, int n)
{
	memset(readings, 0, sizeof(Readings));
	add_reading(readings, ids, n, QLM_URL_PART_NODE);
	if (n > 1)
		add_part(readings, ids, n);
	if (n > 3 && strcmp(ids[n - 2], "MetaData") == 0)
		add_reading(readings, ids, n - 2, QLM_URL_PART_NODE)->meta_data = ids[n - 1];
	if (n > 4 && strcmp(ids[n - 3], "MetaData") == 0 &&
		strcmp(ids[n - 1], "value") == 0)
		add_reading(readings, ids, n - 3, QLM_URL_PART_VALUE)->meta_data = ids[n - 2];
	for (int i = 0; i < readings->n; i++)
		if (readings->readings[i].meta_data != NULL)
			readings->readings[i].maybe_object = false;
}

static void
keep_row(void *arg, const Datum *values, const bool *nulls)
{
	Readings   *readings = arg;
	QlmNodeRow *row = qlm_node_row(values, nulls);

	for (int i = 0; i < readings->n; i++)
	{
		Reading    *reading = &readings->readings[i];

		if (strcmp(reading->path, row->path) != 0)
			continue;
		if (row->is_item && reading->maybe_item)
			reading->item = row;
		else if (!row->is_item && reading->maybe_object)
			reading->object = row;
	}
}

/* One step on the way down to a node */
typedef struct Step
{
	const char *path;
	int			object_id;		/* 0: not found */
	int			parent_id;
	bool		is_item;
} Step;

typedef struct Way
{
	Step	   *steps;
	int			n;
} Way;

static void
keep_step(void *arg, const Datum *values, const bool *nulls)
{
	Way		   *way = arg;
	char	   *path = TextDatumGetCString(values[2]);

	for (int i = 0; i < way->n; i++)
	{
		Step	   *step = &way->steps[i];

		if (strcmp(step->path, path) != 0)
			continue;
		if (DatumGetBool(values[3]))
			step->is_item = true;
		else
		{
			step->object_id = DatumGetInt32(values[0]);
			step->parent_id = DatumGetInt32(values[1]);
		}
	}
	pfree(path);
}

/*
 * Returns how many ids name visible Objects, and the last of these in
 * parent_id.
 */
static int
walk_way(Way *way, char **ids, int n, int *parent_id)
{
	const char **paths = palloc(Max(n, 1) * sizeof(char *));
	int			depth = 0;
	Datum		param;

	*parent_id = 0;
	way->n = n;
	way->steps = palloc0(Max(n, 1) * sizeof(Step));
	for (int i = 0; i < n; i++)
		way->steps[i].path = paths[i] = join_path(ids, i + 1);
	param = qlm_array_text(paths, n);
	qlm_plan_stream_indexed(&way_plan, &param, keep_step, way);
	while (depth < n && way->steps[depth].object_id != 0 &&
		   way->steps[depth].parent_id == *parent_id)
		*parent_id = way->steps[depth++].object_id;
	return depth;
}

/* Are all nodes above this one visible? */
static bool
is_reachable(char **ids, const QlmNodeRow *row, int depth)
{
	Way			way;
	int			parent_id;

	if (depth == 1)
		return row->parent_id == 0;
	return walk_way(&way, ids, depth - 1, &parent_id) == depth - 1 &&
		row->parent_id == parent_id;
}

/* Returns the best reading under which something was found, or NULL. */
static Reading *
choose_reading(Readings *readings, char **ids)
{
	bool		filtered = qlm_acl_hides_data();

	for (int i = 0; i < readings->n; i++)
	{
		Reading    *reading = &readings->readings[i];
		QlmNodeRow *row = reading->object ? reading->object : reading->item;

		if (row && (!filtered || is_reachable(ids, row, reading->depth)))
			return reading;
	}
	return NULL;
}

/*
 * Tries InfoItems first: an InfoItem has no children, so if there is one, no
 * other reading finds an Object.
 */
static Reading *
find_reading(Readings *readings, char **ids, int n)
{
	const char *paths[MAX_READINGS];
	Reading    *reading = NULL;
	Datum		param;

	read_path(readings, ids, n);
	for (int i = 0; i < readings->n; i++)
		paths[i] = readings->readings[i].path;
	param = qlm_array_text(paths, readings->n);
	if (n > 1)
	{
		qlm_plan_stream_indexed(&item_plan, &param, keep_row, readings);
		reading = choose_reading(readings, ids);
	}
	if (reading == NULL)
	{
		qlm_plan_stream_indexed(&object_plan, &param, keep_row, readings);
		reading = choose_reading(readings, ids);
	}
	return reading;
}

/*
 * Replaces the first id that was not found if it is an alias.  Returns false
 * if nothing was replaced.
 */
static bool
resolve_alias(char **ids, int n)
{
	QlmAliases *aliases;
	Way			way;
	int			parent_id;
	int			depth = walk_way(&way, ids, n, &parent_id);
	const char *canonical;

	if (depth == n || way.steps[depth].is_item)
		return false;
	aliases = qlm_aliases_create();
	qlm_aliases_add(aliases, parent_id, ids[depth], false);
	if (parent_id != 0)
		qlm_aliases_add(aliases, parent_id, ids[depth], true);
	if (qlm_aliases_find(aliases) == 0)
		return false;
	canonical = qlm_aliases_canonical(aliases, parent_id, ids[depth], false);
	if (canonical == NULL)
		canonical = qlm_aliases_canonical(aliases, parent_id, ids[depth], true);
	ids[depth] = pstrdup(canonical);
	return true;
}

/* Each round resolves one id, and no id twice. */
static bool
resolve_aliases(char **ids, int n)
{
	int			rounds = 0;

	while (rounds < n && resolve_alias(ids, n))
	{
		CHECK_FOR_INTERRUPTS();
		rounds++;
	}
	return rounds > 0;
}

typedef struct Level
{
	QlmOdf	   *odf;
	QlmObject  *parent;			/* NULL at the top */
} Level;

static void
add_child(void *arg, const Datum *values, const bool *nulls)
{
	Level	   *level = arg;
	QlmNodeRow *row;

	if (level->odf->nobjects + level->odf->nitems >= qlm_max_values)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d Objects and InfoItems",
						qlm_max_values)));
	row = qlm_node_row(values, nulls);
	if (row->is_item)
		qlm_select_node_add_item(level->odf, level->parent, row, NULL, true);
	else
		qlm_select_node_add_object(level->odf, level->parent, row, NULL, true);
	qlm_node_row_free(row);
}

static bool
discover_top(QlmUrlSelection *d)
{
	Level		level = {d->odf, NULL};

	qlm_plan_stream_indexed(&top_plan, NULL, add_child, &level);
	return true;
}

static bool
discover_object(QlmUrlSelection *d, const QlmNodeRow *row)
{
	QlmWanted	wanted = {.any_description = true};
	Level		level = {d->odf};
	Datum		param = Int32GetDatum(row->id);

	d->object = qlm_select_node_add_object(d->odf, NULL, row,
										   d->part == QLM_URL_PART_DESCRIPTION ? &wanted : NULL,
										   d->part == QLM_URL_PART_NAMES);
	if (d->part != QLM_URL_PART_NODE)
	{
		d->object->type = NULL;
		d->object->attributes = NULL;
	}
	if (d->part == QLM_URL_PART_DESCRIPTION)
		d->object->ids = NULL;
	if (d->part == QLM_URL_PART_NODE)
	{
		level.parent = d->object;
		qlm_plan_stream_indexed(&children_plan, &param, add_child, &level);
	}
	return d->part != QLM_URL_PART_DESCRIPTION || d->object->descriptions != NULL;
}

/*
 * Adds one InfoItem of MetaData, or the names of all.  Returns false if there
 * is none.
 */
static bool
discover_meta_data(QlmUrlSelection *d, QlmWanted *wanted, const char *name)
{
	QlmInfoItem *item = wanted->item;

	if (name != NULL)
		wanted->meta_data = list_make1(unconstify(char *, name));
	else
		wanted->any_meta_data = true;
	qlm_select_node_read_meta_data(d->odf, &wanted, 1);
	if (item->meta_data == NULL)
		return false;
	if (name != NULL)
	{
		d->item = item->meta_data;
		return d->part == QLM_URL_PART_NODE || d->item->values != NULL;
	}
	for (QlmInfoItem *meta = item->meta_data; meta; meta = meta->next)
		*meta = (QlmInfoItem) {.next = meta->next, .name = meta->name,
			.is_meta_data = true};
	return true;
}

static bool
discover_item(QlmUrlSelection *d, QlmNodeRow *row, const char *meta_data,
			  const QlmSelector *selector)
{
	QlmWanted	wanted = {.row = row};
	QlmValueTargets targets = {0};
	bool		whole = d->part == QLM_URL_PART_NODE && meta_data == NULL;
	QlmInfoItem *item;

	wanted.any_description = d->part == QLM_URL_PART_DESCRIPTION;
	item = qlm_select_node_add_item(d->odf, &d->odf->root, row, &wanted,
									!whole && d->part != QLM_URL_PART_DESCRIPTION &&
									d->part != QLM_URL_PART_NAMES);
	d->item = wanted.item = item;
	if (!whole)
	{
		item->type = NULL;
		item->attributes = NULL;
		item->has_meta_data = false;
	}
	if (d->part != QLM_URL_PART_NAMES && !whole)
		item->alt_names = NULL;
	if (d->part == QLM_URL_PART_NAMES)
		item->descriptions = NULL;
	if (meta_data != NULL || d->part == QLM_URL_PART_META_DATA)
		return discover_meta_data(d, &wanted, meta_data);
	if (whole || d->part == QLM_URL_PART_VALUE)
	{
		qlm_value_targets_add(&targets, row->id, item);
		qlm_select_values(d->odf, &targets, selector);
	}
	if (d->part == QLM_URL_PART_VALUE)
		return item->values != NULL;
	return d->part != QLM_URL_PART_DESCRIPTION || item->descriptions != NULL;
}

bool
qlm_select_url(char **ids, int nids, const QlmSelector *selector,
			   QlmUrlSelection *discovered)
{
	Readings	readings;
	Reading    *reading;

	memset(discovered, 0, sizeof(QlmUrlSelection));
	discovered->odf = qlm_odf_create();
	if (nids == 0)
		return discover_top(discovered);
	reading = find_reading(&readings, ids, nids);
	if (reading == NULL && resolve_aliases(ids, nids))
		reading = find_reading(&readings, ids, nids);
	if (reading == NULL)
		return false;
	discovered->part = reading->part;
	if (reading->object)
		return discover_object(discovered, reading->object);
	return discover_item(discovered, reading->item, reading->meta_data, selector);
}
