/*
 * select_event.c
 *		Reads single values of InfoItems, for subscriptions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/object/alias_path.h"
#include "storage/partition/partition.h"
#include "storage/partition/range_statement.h"
#include "storage/select/node_row.h"
#include "storage/select/select_event.h"
#include "storage/select/select_node.h"
#include "storage/select/select_value.h"

static QlmPlan items_plan = {
	"SELECT " QLM_ITEM_COLUMNS " FROM qlm.info_item i"
	" WHERE i.info_item_id = ANY ($1)",
	1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan objects_plan = {
	"SELECT " QLM_OBJECT_COLUMNS " FROM qlm.object o WHERE o.path = ANY ($1)"
	" ORDER BY o.path",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan below_plan = {
	"SELECT i.info_item_id FROM qlm.info_item i WHERE i.path = ANY ($1)"
	" UNION"
	" SELECT i.info_item_id FROM pg_catalog.unnest($1) s(path)"
	" JOIN qlm.info_item i ON i.path > (s.path || '/') COLLATE \"C\""
	" AND i.path < (s.path || '0') COLLATE \"C\""
	" ORDER BY 1",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan all_plan = {
	"SELECT i.info_item_id FROM qlm.info_item i ORDER BY 1",
	0
};

static const QlmRangeStatement before_statement = {
	"SELECT e.k, n.ts FROM pg_catalog.unnest($2) WITH ORDINALITY e(ts, k)"
	" CROSS JOIN LATERAL (SELECT v.ts FROM qlm.value v"
	" WHERE v.info_item_id = $1 AND %s AND v.ts <= e.ts"
	" ORDER BY v.ts DESC LIMIT 1) n",
	2, {INT4OID, TIMESTAMPTZARRAYOID}
};

/* Objects and InfoItems of the answer, by number */
typedef struct NodeEntry
{
	int			id;
	QlmNodeRow *row;			/* of an InfoItem */
	QlmObject  *object;
	QlmInfoItem *item;
} NodeEntry;

typedef struct EventTree
{
	QlmOdf	   *odf;
	HTAB	   *items;
	HTAB	   *objects;
	const char **paths;			/* of the Objects above the InfoItems */
	int			npaths;
	int			capacity;
} EventTree;

static HTAB *
create_node_table(const char *name)
{
	HASHCTL		info = {0};

	info.keysize = sizeof(int);
	info.entrysize = sizeof(NodeEntry);
	info.hcxt = CurrentMemoryContext;
	return hash_create(name, 64, &info, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static NodeEntry *
enter_node(HTAB *table, int id)
{
	NodeEntry  *entry;
	bool		found;

	entry = hash_search(table, &id, HASH_ENTER, &found);
	if (!found)
	{
		memset(entry, 0, sizeof(NodeEntry));
		entry->id = id;
	}
	return entry;
}

static void
add_path(EventTree *tree, const char *path, int len)
{
	if (tree->npaths > 0 && strlen(tree->paths[tree->npaths - 1]) == len &&
		memcmp(tree->paths[tree->npaths - 1], path, len) == 0)
		return;
	if (tree->npaths == tree->capacity)
	{
		tree->capacity = Max(16, tree->capacity * 2);
		tree->paths = tree->paths ?
			repalloc_huge(tree->paths, tree->capacity * sizeof(char *)) :
			palloc(tree->capacity * sizeof(char *));
	}
	tree->paths[tree->npaths++] = pnstrdup(path, len);
}

static void
keep_item(void *arg, const Datum *values, const bool *nulls)
{
	EventTree  *tree = arg;
	QlmNodeRow *row = qlm_node_row(values, nulls);
	const char *slash;

	enter_node(tree->items, row->id)->row = row;
	for (slash = strrchr(row->path, '/'); slash != NULL;)
	{
		add_path(tree, row->path, slash - row->path);
		while (slash > row->path && *--slash != '/')
			;
		if (*slash != '/')
			break;
	}
}

static void
keep_object(void *arg, const Datum *values, const bool *nulls)
{
	EventTree  *tree = arg;
	QlmNodeRow *row = qlm_node_row(values, nulls);
	QlmObject  *parent = NULL;

	if (row->parent_id != 0)
	{
		parent = enter_node(tree->objects, row->parent_id)->object;
		if (parent == NULL)
			return;
	}
	enter_node(tree->objects, row->id)->object =
		qlm_select_node_add_object(tree->odf, parent, row, NULL, true);
}

/* Returns the InfoItem in the answer, or NULL if it may not be seen. */
static QlmInfoItem *
event_item(EventTree *tree, int info_item_id)
{
	NodeEntry  *entry = enter_node(tree->items, info_item_id);
	QlmObject  *object;

	if (entry->item != NULL || entry->row == NULL)
		return entry->item;
	object = enter_node(tree->objects, entry->row->parent_id)->object;
	if (object != NULL)
		entry->item = qlm_select_node_add_item(tree->odf, object, entry->row, NULL,
											   true);
	return entry->item;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
read_nodes(EventTree *tree, const QlmEvent *events, int n)
{
	int		   *ids = palloc(n * sizeof(int));
	int			nids = 0;
	int			npaths = 0;
	Datum		param;

	for (int i = 0; i < n; i++)
		if (nids == 0 || ids[nids - 1] != events[i].info_item_id)
			ids[nids++] = events[i].info_item_id;
	param = qlm_array_int4(ids, nids);
	qlm_plan_stream_indexed(&items_plan, &param, keep_item, tree);
	if (tree->npaths == 0)
		return;

	qsort(tree->paths, tree->npaths, sizeof(char *), compare_paths);
	for (int i = 0; i < tree->npaths; i++)
		if (i == 0 || strcmp(tree->paths[i], tree->paths[npaths - 1]) != 0)
			tree->paths[npaths++] = tree->paths[i];
	param = qlm_array_text(tree->paths, npaths);
	qlm_plan_stream_indexed(&objects_plan, &param, keep_object, tree);
}

QlmOdf *
qlm_select_events(const QlmEvent *events, int n)
{
	EventTree	tree = {0};
	QlmInfoItem **items;

	if (n == 0)
		return NULL;
	tree.odf = qlm_odf_create();
	tree.items = create_node_table("qlm InfoItems of events");
	tree.objects = create_node_table("qlm Objects of events");
	read_nodes(&tree, events, n);
	items = palloc(n * sizeof(QlmInfoItem *));
	for (int i = 0; i < n; i++)
		items[i] = event_item(&tree, events[i].info_item_id);
	qlm_select_values_at_events(tree.odf, events, items, n);
	return tree.odf->nvalues > 0 ? tree.odf : NULL;
}

/* Returns the paths, together with the paths that they are aliases of. */
static const char **
own_paths(const char **paths, int *n)
{
	QlmAliasPath *found;
	int			nfound = qlm_alias_paths(paths, *n, NULL, &found);
	const char **all;

	if (nfound == 0)
		return paths;
	all = palloc((*n + nfound) * sizeof(char *));
	memcpy(all, paths, *n * sizeof(char *));
	for (int i = 0; i < nfound; i++)
		all[(*n)++] = found[i].path;
	return all;
}

int
qlm_select_items(const char **paths, int npaths, int **info_item_ids)
{
	bool		all = false;
	Datum		param;
	int			n;

	*info_item_ids = NULL;
	if (npaths == 0)
		return 0;
	for (int i = 0; i < npaths; i++)
		all |= paths[i][0] == '\0';
	if (!all)
	{
		paths = own_paths(paths, &npaths);
		param = qlm_array_text(paths, npaths);
	}
	qlm_plan_execute(all ? &all_plan : &below_plan, all ? NULL : &param,
					 NULL, 0);
	n = SPI_processed;
	*info_item_ids = palloc(Max(n, 1) * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*info_item_ids)[i] = DatumGetInt32(qlm_spi_datum(i, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

typedef struct TimeReading
{
	int			info_item_id;
	int			offset;			/* index of the first time asked for */
	QlmEvent   *events;			/* in order of time */
	bool	   *found;
} TimeReading;

static void
keep_time(void *arg, const Datum *values, const bool *nulls)
{
	TimeReading *reading = arg;
	int			i = reading->offset + DatumGetInt64(values[0]) - 1;

	reading->events[i].info_item_id = reading->info_item_id;
	reading->events[i].ts = DatumGetTimestampTz(values[1]);
	reading->found[i] = true;
}

/*
 * Times ascend, and so do the values found for them.  So the events that have
 * no value yet come first.
 */
static void
read_times(TimeReading *reading, const QlmPartitionRange *range,
		   const TimestampTz *times, int n)
{
	int			first = 0;
	Datum		params[2];

	while (first < n && times[first] < range->lower)
		first++;
	if (first == n)
		return;
	reading->offset = first;
	params[0] = Int32GetDatum(reading->info_item_id);
	params[1] = qlm_array_timestamptz(times + first, n - first);
	qlm_range_statement_execute(&before_statement, range, params, keep_time, reading);
	pfree(DatumGetPointer(params[1]));
}

int
qlm_select_at(int info_item_id, const TimestampTz *times, int n,
			  QlmEvent *events)
{
	TimeReading reading = {info_item_id};
	QlmEvent   *found = palloc(Max(n, 1) * sizeof(QlmEvent));
	int			nranges;
	QlmPartitionRange *ranges = qlm_partition_copy_ranges(&nranges);
	int			lacking = n;
	int			nfound = 0;

	reading.events = found;
	reading.found = palloc0(Max(n, 1) * sizeof(bool));
	for (int i = nranges - 1; i >= 0 && lacking > 0; i--)
	{
		if (!qlm_partition_is_empty(&ranges[i]))
			read_times(&reading, &ranges[i], times, lacking);
		while (lacking > 0 && reading.found[lacking - 1])
			lacking--;
	}
	for (int i = 0; i < n; i++)
		if (reading.found[i])
			events[nfound++] = found[i];
	pfree(ranges);
	pfree(found);
	pfree(reading.found);
	return nfound;
}
