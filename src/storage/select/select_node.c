/*
 * select_node.c
 *		Builds the Objects and InfoItems of an answer from rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "storage/core/answer_size.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/object/details_read.h"
#include "storage/select/node_row.h"
#include "storage/select/node_row_cache.h"
#include "storage/select/select_node.h"
#include "storage/select/wanted_tree.h"

static QlmPlan named_plan = {
	"SELECT " QLM_OBJECT_COLUMNS " FROM qlm.object o WHERE o.path = ANY ($1)"
	" UNION ALL"
	" SELECT " QLM_ITEM_COLUMNS " FROM qlm.info_item i WHERE i.path = ANY ($2)",
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan meta_data_plan = {
	"SELECT e.k, m.name, pg_catalog.jsonb_strip_nulls("
	"pg_catalog.jsonb_build_object('value', m.value, 'value_type', m.type,"
	" 'ts', m.ts, 'is_odf', m.is_odf, 'value_attributes', m.value_attributes,"
	" 'type', m.item_type, 'description', m.description,"
	" 'alt_names', m.alt_names, 'attributes', m.attributes,"
	" 'meta_data', m.meta_data))"
	" FROM pg_catalog.unnest($1) WITH ORDINALITY e(id, k)"
	" JOIN qlm.meta_data m ON m.info_item_id = e.id"
	" ORDER BY e.k, m.name COLLATE \"C\"",
	1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
};

typedef struct NodeReading
{
	QlmWantedTree *tree;
	bool		caches;			/* rows that are found may be cached */
} NodeReading;

static void
keep_named(void *arg, const Datum *values, const bool *nulls)
{
	NodeReading *reading = arg;
	QlmNodeRow *row = qlm_node_row(values, nulls);
	QlmWanted  *wanted = qlm_wanted_find(reading->tree, row->path, row->is_item);

	if (wanted != NULL)
		wanted->row = row;
	if (reading->caches)
		qlm_node_row_cache_add(row);
}

int
qlm_select_nodes_find(QlmWantedTree *tree)
{
	int			n;
	QlmWanted **nodes = qlm_wanted_nodes(tree, &n);
	NodeReading reading = {tree, n > 0 && qlm_node_row_cache_begin()};
	const char **paths;
	int			nobjects = 0;
	int			nitems = 0;
	Datum		params[2];

	paths = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		if (reading.caches)
			nodes[i]->row = qlm_node_row_cache_find(nodes[i]->path, nodes[i]->is_item);
		if (nodes[i]->row != NULL)
			continue;
		if (nodes[i]->is_item)
			paths[n - ++nitems] = nodes[i]->path;
		else
			paths[nobjects++] = nodes[i]->path;
	}
	if (nobjects + nitems > 0)
	{
		params[0] = qlm_array_text(paths, nobjects);
		params[1] = qlm_array_text(paths + n - nitems, nitems);
		qlm_plan_stream_indexed(&named_plan, params, keep_named, &reading);
	}
	pfree(paths);
	return qlm_wanted_select(tree);
}

static bool
is_wanted_language(const QlmWanted *wanted, const char *language)
{
	ListCell   *lc;

	if (wanted->any_description || language == NULL)
		return true;
	foreach(lc, wanted->languages)
		if (strcmp(lfirst(lc), language) == 0)
			return true;
	return false;
}

static void
add_descriptions(QlmOdf *odf, QlmDescription **list, Jsonb *description,
				 const QlmWanted *wanted, bool bare)
{
	if (bare || description == NULL || JB_ROOT_COUNT(description) == 0)
		return;
	if (wanted == NULL ||
		(!wanted->any_description && wanted->languages == NIL))
	{
		qlm_odf_add_description(odf, list, NULL, "");
		return;
	}
	qlm_details_read_descriptions(odf, description, list);
	while (*list != NULL)
	{
		if (is_wanted_language(wanted, (*list)->lang))
			list = &(*list)->next;
		else
			*list = (*list)->next;
	}
}

/* The id in the path comes first, with its attributes if it has any. */
static void
add_ids(QlmOdf *odf, QlmObject *object, const QlmNodeRow *row)
{
	if (row->names != NULL)
		qlm_details_read_ids(odf, row->names, &object->ids);
	if (object->ids == NULL || strcmp(object->ids->text, row->name) != 0)
	{
		QlmId	   *further = object->ids;

		object->ids = NULL;
		qlm_odf_add_id(odf, &object->ids, row->name)->next = further;
	}
}

QlmObject *
qlm_select_node_add_object(QlmOdf *odf, QlmObject *parent, const QlmNodeRow *row,
						   const QlmWanted *wanted, bool bare)
{
	QlmObject  *object = qlm_odf_add_object(odf, parent, NULL);

	add_ids(odf, object, row);
	object->type = row->type;
	if (row->attributes != NULL)
		object->attributes = qlm_details_read_attributes(row->attributes);
	add_descriptions(odf, &object->descriptions, row->description, wanted,
					 bare);
	qlm_answer_size_add_object(object);
	return object;
}

QlmInfoItem *
qlm_select_node_add_item(QlmOdf *odf, QlmObject *parent, const QlmNodeRow *row,
						 const QlmWanted *wanted, bool bare)
{
	QlmInfoItem *item = qlm_odf_add_item(odf, parent, row->name);

	item->type = row->type;
	if (row->attributes != NULL)
		item->attributes = qlm_details_read_attributes(row->attributes);
	if (wanted != NULL && row->names != NULL && !bare)
		qlm_details_read_ids(odf, row->names, &item->alt_names);
	add_descriptions(odf, &item->descriptions, row->description, wanted, bare);
	item->has_meta_data = row->has_meta_data && !bare;
	qlm_answer_size_add_item(item);
	return item;
}

/* The InfoItems whose MetaData are read; wanted is NULL for all MetaData. */
typedef struct MetaDataReading
{
	QlmOdf	   *odf;
	int			n;
	int		   *ids;
	QlmInfoItem **items;
	QlmWanted **wanted;
} MetaDataReading;

static bool
is_wanted_meta_data(const QlmWanted *wanted, const char *name)
{
	ListCell   *lc;

	if (wanted == NULL || wanted->any_meta_data)
		return true;
	foreach(lc, wanted->meta_data)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

static void
add_meta_data(void *arg, const Datum *values, const bool *nulls)
{
	MetaDataReading *reading = arg;
	int			i = DatumGetInt64(values[0]) - 1;
	QlmInfoItem *item = reading->items[i];
	char	   *name = TextDatumGetCString(values[1]);

	if (!is_wanted_meta_data(reading->wanted[i], name))
		return;
	qlm_details_read_meta_data(reading->odf, DatumGetJsonbP(values[2]), name,
							   item);
	if (item->last_meta_data)
		qlm_answer_size_add_meta_data(item->last_meta_data);
}

static void
begin_meta_data(MetaDataReading *reading, QlmOdf *odf, int n)
{
	reading->odf = odf;
	reading->n = 0;
	reading->ids = palloc(Max(n, 1) * sizeof(int));
	reading->items = palloc(Max(n, 1) * sizeof(QlmInfoItem *));
	reading->wanted = palloc(Max(n, 1) * sizeof(QlmWanted *));
}

static void
ask_meta_data(MetaDataReading *reading, int id, QlmInfoItem *item,
			  QlmWanted *wanted)
{
	reading->ids[reading->n] = id;
	reading->items[reading->n] = item;
	reading->wanted[reading->n++] = wanted;
}

static void
read_meta_data(MetaDataReading *reading)
{
	Datum		param;

	if (reading->n > 0)
	{
		param = qlm_array_int4(reading->ids, reading->n);
		qlm_plan_stream_indexed(&meta_data_plan, &param, add_meta_data, reading);
	}
	pfree(reading->ids);
	pfree(reading->items);
	pfree(reading->wanted);
}

void
qlm_select_node_read_meta_data(QlmOdf *odf, QlmWanted **nodes, int n)
{
	MetaDataReading reading;

	begin_meta_data(&reading, odf, n);
	for (int i = 0; i < n; i++)
	{
		QlmWanted  *wanted = nodes[i];

		if (wanted->item != NULL && wanted->row->has_meta_data &&
			(wanted->any_meta_data || wanted->meta_data != NIL))
			ask_meta_data(&reading, wanted->row->id, wanted->item, wanted);
	}
	read_meta_data(&reading);
}

void
qlm_select_node_read_all_meta_data(QlmOdf *odf, const int *ids, QlmInfoItem **items,
								   int n)
{
	MetaDataReading reading;

	begin_meta_data(&reading, odf, n);
	for (int i = 0; i < n; i++)
		if (items[i]->has_meta_data)
			ask_meta_data(&reading, ids[i], items[i], NULL);
	read_meta_data(&reading);
}
