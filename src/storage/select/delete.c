/*
 * delete.c
 *		Deletes what a request names.
 *
 * Foreign keys would delete what is below without checking rights.  So all of
 * it is deleted by statements of the current user, and counted.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/node_lock.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/select/delete.h"
#include "storage/select/delete_part.h"
#include "storage/select/select_alias.h"
#include "storage/select/wanted_tree.h"

/* $1: paths; $2: paths with all that is below */
#define MEANT(column, table) \
	"(SELECT x." column " FROM " table " x WHERE x.path = ANY ($1)" \
	" UNION SELECT x." column " FROM pg_catalog.unnest($2) s(path)" \
	" JOIN " table " x ON x.path > (s.path || '/') COLLATE \"C\"" \
	" AND x.path < (s.path || '0') COLLATE \"C\")"

static QlmPlan count_plan = {
	"SELECT (SELECT pg_catalog.count(*) FROM "
	MEANT("info_item_id", "qlm.info_item") " i),"
	" (SELECT pg_catalog.count(*) FROM "
	MEANT("object_id", "qlm.object") " o)",
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC | QLM_PLAN_INDEXED
};

static QlmPlan delete_items_plan = {
	"DELETE FROM qlm.info_item i WHERE i.info_item_id IN "
	MEANT("info_item_id", "qlm.info_item"),
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC | QLM_PLAN_INDEXED
};

static QlmPlan delete_objects_plan = {
	"DELETE FROM qlm.object o WHERE o.object_id IN "
	MEANT("object_id", "qlm.object"),
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC | QLM_PLAN_INDEXED
};

/* $3 and $4: begin and end */
static QlmPlan delete_values_plan = {
	"DELETE FROM qlm.value v WHERE v.info_item_id IN "
	MEANT("info_item_id", "qlm.info_item")
	" AND v.ts >= $3 AND v.ts <= $4",
	4, {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	QLM_PLAN_INDEXED
};

/*
 * These values no longer wait to be polled.  A value written later for the
 * same time is a new one.
 */
static QlmPlan delete_waiting_plan = {
	"DELETE FROM qlm.subscription_value s WHERE s.info_item_id IN "
	MEANT("info_item_id", "qlm.info_item")
	" AND s.ts >= $3 AND s.ts <= $4 AND NOT EXISTS (SELECT FROM qlm.value v"
	" WHERE v.info_item_id = s.info_item_id AND v.ts = s.ts)",
	4, {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	QLM_PLAN_INDEXED
};

static int64
count_at(int column)
{
	bool		isnull;

	return DatumGetInt64(qlm_spi_datum(0, column, &isnull));
}

static int64
delete_rows(QlmPlan *plan, Datum *params)
{
	qlm_plan_execute(plan, params, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed;
}

static void
delete_meant(Datum *params)
{
	QlmRights	saved;
	int64		items;
	int64		objects;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&count_plan, params, NULL, 0);
	qlm_rights_restore(&saved);
	items = count_at(1);
	objects = count_at(2);
	SPI_freetuptable(SPI_tuptable);

	if (delete_rows(&delete_items_plan, params) != items ||
		delete_rows(&delete_objects_plan, params) != objects)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to delete everything that the message names")));
}

/*
 * Fills in the paths that exist and are meant as a whole; params as above.
 * Returns how many.
 */
static int
meant_paths(QlmWantedTree *tree, Datum *params)
{
	int			n;
	QlmWanted **nodes = qlm_wanted_nodes(tree, &n);
	const char **leaves = palloc(n * sizeof(char *));
	const char **above = palloc(n * sizeof(char *));
	int			nleaves = 0;
	int			nabove = 0;

	for (int i = 0; i < n; i++)
	{
		if (!nodes[i]->is_whole || nodes[i]->row == NULL)
			continue;
		leaves[nleaves++] = nodes[i]->path;
		if (!nodes[i]->is_item)
			above[nabove++] = nodes[i]->path;
	}
	params[0] = qlm_array_text(leaves, nleaves);
	params[1] = qlm_array_text(above, nabove);
	return nleaves;
}

static void
refuse_everything(const QlmOdf *request)
{
	if (request->root.objects == NULL && request->root.items == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a message cannot delete all Objects at once")));
}

bool
qlm_delete_nodes(QlmOdf *request, QlmDeleted *deleted, QlmOdf **missing)
{
	QlmDeleteParts *parts = qlm_delete_parts_collect(request);
	QlmWantedTree *tree;
	int			nfound;
	bool		any;
	Datum		params[2];

	refuse_everything(request);
	memset(deleted, 0, sizeof(QlmDeleted));
	qlm_node_lock(ShareRowExclusiveLock);
	tree = qlm_select_alias_find_nodes(request, &nfound);
	qlm_delete_parts_find_nodes(parts, tree, request);
	*missing = qlm_wanted_missing(tree);
	any = qlm_delete_parts_remove(parts, deleted, missing);
	if (nfound > 0)
		deleted->nodes = meant_paths(tree, params);
	if (deleted->nodes > 0)
		delete_meant(params);
	return any || deleted->nodes > 0;
}

int
qlm_delete_node_values(QlmOdf *request, TimestampTz begin, TimestampTz end,
					   int64 *nvalues, QlmOdf **missing)
{
	QlmDeleteParts *parts = qlm_delete_parts_collect(request);
	QlmWantedTree *tree;
	int			nfound;
	int			nleaves = 0;
	Datum		params[4];
	QlmRights	saved;

	refuse_everything(request);
	*nvalues = 0;
	tree = qlm_select_alias_find_nodes(request, &nfound);
	qlm_delete_parts_find_nodes(parts, tree, request);
	if (nfound > 0)
		nleaves = meant_paths(tree, params);
	if (nleaves > 0)
	{
		params[2] = TimestampTzGetDatum(begin);
		params[3] = TimestampTzGetDatum(end);
		*nvalues = delete_rows(&delete_values_plan, params);
	}
	if (*nvalues > 0)
	{
		qlm_rights_become_owner(&saved);
		delete_rows(&delete_waiting_plan, params);
		qlm_rights_restore(&saved);
	}
	*missing = qlm_wanted_missing(tree);
	return nleaves;
}
