/*
 * details_merge.c
 *		Merges the details of nodes in envelopes into the stored ones.
 *
 * Rows are updated only if something changes: devices repeat details, and each
 * update invalidates the caches of all processes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/object/details.h"
#include "storage/object/details_hash.h"
#include "storage/object/details_merge.h"
#include "storage/object/node_id_cache.h"

/* Different details for one node in the same envelopes */
#define MAX_ROUNDS 1000

/*
 * A new type or text replaces the old one; without a new one the old one
 * stays.
 */
#define MERGED_DESCRIPTION(old, new) \
	"CASE WHEN " new " IS NULL THEN " old \
	" ELSE COALESCE(" old ", '{}') || (" new ") END"

#define MERGED_ATTRIBUTES(old, new) \
	"CASE WHEN " new " IS NULL THEN " old " ELSE " \
	QLM_SQL_GIVEN_ATTRIBUTES("COALESCE(" old ", '{}') || (" new ")") " END"

/*
 * The union of both by text; a new name with attributes replaces the old one.
 */
#define MERGED_NAMES(old, new) \
	"CASE WHEN " new " IS NULL THEN " old " ELSE" \
	" (SELECT pg_catalog.jsonb_agg(u.doc ORDER BY u.place) FROM" \
	" (SELECT DISTINCT ON (a.name) a.doc," \
	" pg_catalog.min(a.place) OVER (PARTITION BY a.name) AS place FROM" \
	" (SELECT e.doc, COALESCE(e.doc->>'id', e.doc#>>'{}') AS name," \
	" e.n AS place, 0 AS rank" \
	" FROM pg_catalog.jsonb_array_elements(" old ") WITH ORDINALITY e(doc, n)" \
	" UNION ALL" \
	" SELECT e.doc, COALESCE(e.doc->>'id', e.doc#>>'{}')," \
	" 1000000 + e.n," \
	" CASE pg_catalog.jsonb_typeof(e.doc) WHEN 'object' THEN 1 ELSE -1 END" \
	" FROM pg_catalog.jsonb_array_elements(" new ") WITH ORDINALITY e(doc, n)" \
	") a ORDER BY a.name, a.rank DESC) u) END"

#define DOCUMENTS \
	"ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) d(id, doc)"

static QlmPlan object_plan = {
	"UPDATE qlm.object o SET type = n.type, description = n.description,"
	" attributes = n.attributes FROM"
	" (SELECT s.object_id, m.* FROM " DOCUMENTS
	" JOIN qlm.object s ON s.object_id = d.id"
	" CROSS JOIN LATERAL (SELECT COALESCE(d.doc->>'type', s.type) AS type, "
	MERGED_DESCRIPTION("s.description", "d.doc->'description'")
	" AS description, "
	MERGED_ATTRIBUTES("s.attributes", "d.doc->'attributes'")
	" AS attributes OFFSET 0) m"
	" WHERE (m.type, m.description, m.attributes) IS DISTINCT FROM"
	" (s.type, s.description, s.attributes)"
	" ORDER BY s.object_id FOR NO KEY UPDATE OF s) n"
	" WHERE o.object_id = n.object_id",
	2, {INT4ARRAYOID, JSONBARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan item_plan = {
	"UPDATE qlm.info_item i SET type = n.type, description = n.description,"
	" alt_names = n.alt_names, attributes = n.attributes FROM"
	" (SELECT s.info_item_id, m.* FROM " DOCUMENTS
	" JOIN qlm.info_item s ON s.info_item_id = d.id"
	" CROSS JOIN LATERAL (SELECT COALESCE(d.doc->>'type', s.type) AS type, "
	MERGED_DESCRIPTION("s.description", "d.doc->'description'")
	" AS description, "
	MERGED_NAMES("s.alt_names", "d.doc->'alt_names'")
	" AS alt_names, "
	MERGED_ATTRIBUTES("s.attributes", "d.doc->'attributes'")
	" AS attributes OFFSET 0) m"
	" WHERE (m.type, m.description, m.alt_names, m.attributes)"
	" IS DISTINCT FROM (s.type, s.description, s.alt_names, s.attributes)"
	" ORDER BY s.info_item_id FOR NO KEY UPDATE OF s) n"
	" WHERE i.info_item_id = n.info_item_id",
	2, {INT4ARRAYOID, JSONBARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan ids_plan = {
	"INSERT INTO qlm.object_id"
	" (object_id, id, position, id_type, tag_type, validity, attributes)"
	" SELECT DISTINCT ON (d.id, e.id) d.id, e.id, m.* FROM " DOCUMENTS
	" JOIN qlm.object o ON o.object_id = d.id"
	" CROSS JOIN LATERAL (SELECT j.doc, j.n, j.doc->>'id' AS id"
	" FROM pg_catalog.jsonb_array_elements(d.doc->'ids')"
	" WITH ORDINALITY j(doc, n)) e"
	" LEFT JOIN qlm.object_id x ON x.object_id = d.id AND x.id = e.id"
	" CROSS JOIN LATERAL (SELECT CASE WHEN e.id = o.id THEN 0"
	" ELSE COALESCE(x.position, (SELECT COALESCE(pg_catalog.max(p.position), 0)"
	" FROM qlm.object_id p WHERE p.object_id = d.id) + e.n::int) END,"
	" COALESCE(e.doc->>'idType', x.id_type) AS id_type,"
	" COALESCE(e.doc->>'tagType', x.tag_type) AS tag_type,"
	" CASE WHEN e.doc ?| '{startDate,endDate}' THEN pg_catalog.tstzrange("
	"(e.doc->>'startDate')::timestamptz, (e.doc->>'endDate')::timestamptz,"
	" '[]') ELSE x.validity END AS validity, "
	MERGED_ATTRIBUTES("x.attributes", "e.doc->'attributes'")
	" AS attributes OFFSET 0) m"
	" WHERE x.id IS NULL OR (m.id_type, m.tag_type, m.validity, m.attributes)"
	" IS DISTINCT FROM (x.id_type, x.tag_type, x.validity, x.attributes)"
	" ORDER BY d.id, e.id, e.n DESC"
	" ON CONFLICT (object_id, id) DO UPDATE SET id_type = EXCLUDED.id_type,"
	" tag_type = EXCLUDED.tag_type, validity = EXCLUDED.validity,"
	" attributes = EXCLUDED.attributes",
	2, {INT4ARRAYOID, JSONBARRAYOID}, QLM_PLAN_GENERIC
};

/*
 * The newest value wins.  One without a time is of now, unless it equals the
 * stored one, as devices repeat them.
 */
#define NEW_TIME \
	"COALESCE((e.doc->>'ts')::timestamptz," \
	" CASE WHEN (x.value, x.type) IS NOT DISTINCT FROM" \
	" (e.doc->>'value', e.doc->>'value_type') THEN x.ts END, pg_catalog.now())"
#define NEWER(new, old) "CASE WHEN w.newer THEN " new " ELSE " old " END"

static QlmPlan meta_data_plan = {
	"INSERT INTO qlm.meta_data (info_item_id, name, value, type, ts, is_odf,"
	" value_attributes, item_type, description, alt_names, attributes,"
	" meta_data)"
	" SELECT d.id, e.name, m.* FROM " DOCUMENTS
	" CROSS JOIN LATERAL pg_catalog.jsonb_each(d.doc->'meta_data') e(name, doc)"
	" LEFT JOIN qlm.meta_data x ON x.info_item_id = d.id AND x.name = e.name"
	" CROSS JOIN LATERAL (SELECT e.doc ? 'value' AND (x.value IS NULL"
	" OR x.ts IS NULL OR NOT e.doc ? 'ts' OR (e.doc->>'ts')::timestamptz >= x.ts) AS newer) w"
	" CROSS JOIN LATERAL (SELECT "
	NEWER("e.doc->>'value'", "x.value") " AS value, "
	NEWER("e.doc->>'value_type'", "x.type") " AS type, "
	NEWER(NEW_TIME, "x.ts") " AS ts, "
	NEWER("(e.doc->>'is_odf')::boolean", "x.is_odf") " AS is_odf, "
	NEWER("e.doc->'value_attributes'", "x.value_attributes")
	" AS value_attributes,"
	" COALESCE(e.doc->>'type', x.item_type) AS item_type, "
	MERGED_DESCRIPTION("x.description", "e.doc->'description'")
	" AS description, "
	MERGED_NAMES("x.alt_names", "e.doc->'alt_names'")
	" AS alt_names, "
	MERGED_ATTRIBUTES("x.attributes", "e.doc->'attributes'")
	" AS attributes, "
	MERGED_DESCRIPTION("x.meta_data", "e.doc->'meta_data'")
	" AS meta_data OFFSET 0) m"
	" WHERE x.name IS NULL OR (m.value, m.type, m.ts, m.is_odf,"
	" m.value_attributes, m.item_type, m.description, m.alt_names,"
	" m.attributes, m.meta_data) IS DISTINCT FROM (x.value, x.type, x.ts,"
	" x.is_odf, x.value_attributes, x.item_type, x.description, x.alt_names,"
	" x.attributes, x.meta_data)"
	" ORDER BY d.id, e.name"
	" ON CONFLICT (info_item_id, name) DO UPDATE SET value = EXCLUDED.value,"
	" type = EXCLUDED.type, ts = EXCLUDED.ts, is_odf = EXCLUDED.is_odf,"
	" value_attributes = EXCLUDED.value_attributes,"
	" item_type = EXCLUDED.item_type, description = EXCLUDED.description,"
	" alt_names = EXCLUDED.alt_names, attributes = EXCLUDED.attributes,"
	" meta_data = EXCLUDED.meta_data",
	2, {INT4ARRAYOID, JSONBARRAYOID}, QLM_PLAN_GENERIC
};

void
qlm_details_merge_reset(QlmDetailsTasks *tasks)
{
	static uint64 runs = 0;

	tasks->n = 0;
	tasks->rounds = 0;
	tasks->run = ++runs;
}

/* Are these details new, as far as is known, and not given by another task? */
static bool
is_news(const QlmDetailsTasks *tasks, QlmCachedNode *node, uint64 hash)
{
	if (hash == 0)
		return false;
	if (node->planned_run == tasks->run)
		return node->planned_hash != hash;
	return !qlm_node_id_cache_has_details(node, hash);
}

static QlmDetailsTask *
add_task(QlmDetailsTasks *tasks, QlmCachedNode *node, uint64 hash,
		 const QlmDetailsParts *parts)
{
	QlmDetailsTask *task;

	if (tasks->capacity == 0)
	{
		tasks->capacity = 16;
		tasks->tasks = palloc(tasks->capacity * sizeof(QlmDetailsTask));
	}
	else if (tasks->n == tasks->capacity)
	{
		tasks->capacity *= 2;
		tasks->tasks = repalloc_huge(tasks->tasks, tasks->capacity *
									 sizeof(QlmDetailsTask));
	}
	if (node->planned_run != tasks->run)
	{
		node->planned_run = tasks->run;
		node->planned_round = -1;
	}
	node->planned_hash = hash;
	node->planned_round++;

	task = &tasks->tasks[tasks->n++];
	memset(task, 0, sizeof(QlmDetailsTask));
	task->node = node;
	task->id = node->id;
	task->hash = hash;
	task->parts = *parts;
	task->round = node->planned_round;
	tasks->rounds = Max(tasks->rounds, task->round + 1);
	return task;
}

void
qlm_details_merge_add_object(QlmDetailsTasks *tasks, QlmCachedNode *node,
							 const QlmObject *object)
{
	QlmDetailsParts parts;
	uint64		hash = qlm_details_object_hash(object, &parts);

	if (is_news(tasks, node, hash))
		add_task(tasks, node, hash, &parts)->object = object;
}

void
qlm_details_merge_add_item(QlmDetailsTasks *tasks, QlmCachedNode *node,
						   const QlmInfoItem *item)
{
	QlmDetailsParts parts;
	uint64		hash = qlm_details_item_hash(item, &parts);

	if (is_news(tasks, node, hash))
		add_task(tasks, node, hash, &parts)->item = item;
}

static void
execute(QlmPlan *plan, Datum *params)
{
	qlm_plan_execute_indexed(plan, params, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Stores details of Objects or of InfoItems, at most one element for each
 * node.
 */
static void
store_kind(const QlmDetailsTask *tasks, int n, bool items)
{
	int		   *ids;
	Datum	   *docs;
	QlmDetailsParts parts = {0};
	Datum		params[2];

	if (n == 0)
		return;
	ids = palloc(n * sizeof(int));
	docs = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		ids[i] = tasks[i].id;
		docs[i] = items ? qlm_details_item_to_jsonb(tasks[i].item) :
			qlm_details_object_to_jsonb(tasks[i].object);
		parts.columns |= tasks[i].parts.columns;
		parts.ids |= tasks[i].parts.ids;
		parts.meta_data |= tasks[i].parts.meta_data;
	}
	params[0] = qlm_array_int4(ids, n);
	params[1] = qlm_array_jsonb(docs, n);
	if (parts.columns)
		execute(items ? &item_plan : &object_plan, params);
	if (parts.ids)
		execute(&ids_plan, params);
	if (parts.meta_data)
		execute(&meta_data_plan, params);
	pfree(ids);
	pfree(docs);
}

static int
compare_tasks(const void *a, const void *b)
{
	const QlmDetailsTask *x = a;
	const QlmDetailsTask *y = b;

	if (x->round != y->round)
		return x->round < y->round ? -1 : 1;
	if ((x->item != NULL) != (y->item != NULL))
		return x->item != NULL ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/*
 * If there are several elements for a node they are merged in as many rounds,
 * since a statement can change a row only once.
 */
void
qlm_details_merge_store(QlmDetailsTasks *tasks)
{
	uint64		epoch = qlm_node_id_cache_epoch();
	int			end;

	if (tasks->n == 0)
		return;
	if (tasks->rounds > MAX_ROUNDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one node is described in more than %d ways at once",
						MAX_ROUNDS)));
	qsort(tasks->tasks, tasks->n, sizeof(QlmDetailsTask), compare_tasks);
	for (int start = 0; start < tasks->n; start = end)
	{
		const QlmDetailsTask *first = &tasks->tasks[start];
		bool		items = first->item != NULL;

		for (end = start + 1; end < tasks->n; end++)
			if (tasks->tasks[end].round != first->round ||
				(tasks->tasks[end].item != NULL) != items)
				break;
		store_kind(first, end - start, items);
	}
	/* If the cache was reset in the meantime the hashes are not stored. */
	for (int i = 0; i < tasks->n && epoch == qlm_node_id_cache_epoch(); i++)
		qlm_node_id_cache_set_details(tasks->tasks[i].node, tasks->tasks[i].hash);
}
