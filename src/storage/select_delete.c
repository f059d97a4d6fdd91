/*
 * select_delete.c
 *		What a delete removes.
 *
 * Foreign keys would remove what lies below without asking for rights, so all
 * of it is deleted by statements of the current user, and counted.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "storage/alias.h"
#include "storage/array.h"
#include "storage/catalog.h"
#include "storage/object_cache.h"
#include "storage/select.h"
#include "storage/select_node.h"

/* $1: paths themselves; $2: paths below which all is meant */
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
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan delete_items_plan = {
	"DELETE FROM qlm.info_item i WHERE i.info_item_id IN "
	MEANT("info_item_id", "qlm.info_item"),
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan delete_objects_plan = {
	"DELETE FROM qlm.object o WHERE o.object_id IN "
	MEANT("object_id", "qlm.object"),
	2, {TEXTARRAYOID, TEXTARRAYOID}, QLM_PLAN_GENERIC
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
				 errmsg("permission denied to delete all of what the message names")));
}

int
qlm_select_delete(QlmOdf *request, QlmOdf **missing)
{
	QlmWantedTree *tree;
	QlmWanted **nodes;
	const char **leaves;
	const char **above;
	int			n;
	int			nfound;
	int			nleaves = 0;
	int			nabove = 0;
	Datum		params[2];

	if (request->root.objects == NULL && request->root.items == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a message cannot delete all Objects at once")));
	qlm_object_lock(ShareRowExclusiveLock);
	tree = qlm_alias_find_nodes(request, &nfound);
	if (nfound > 0)
	{
		nodes = qlm_wanted_nodes(tree, &n);
		leaves = palloc(n * sizeof(char *));
		above = palloc(n * sizeof(char *));
		for (int i = 0; i < n; i++)
		{
			if (!nodes[i]->is_leaf || nodes[i]->row == NULL)
				continue;
			leaves[nleaves++] = nodes[i]->path;
			if (!nodes[i]->is_item)
				above[nabove++] = nodes[i]->path;
		}
		params[0] = qlm_array_text(leaves, nleaves);
		params[1] = qlm_array_text(above, nabove);
		delete_meant(params);
	}
	*missing = qlm_wanted_missing(tree);
	return nleaves;
}
