/*
 * history_view.c
 *		Finds the view qlm.history in queries to be planned.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "storage/core/catalog.h"
#include "storage/planner/history_view.h"

static QlmHistoryColumns columns;
static uint64 columns_generation = 0;

const QlmHistoryColumns *
qlm_history_view_columns(void)
{
	uint64		generation;

	if (!qlm_catalog_available())
		return NULL;
	generation = qlm_catalog_generation(QLM_REL_HISTORY) +
		qlm_catalog_generation(QLM_REL_INFO_ITEM) + 1;
	if (columns_generation != generation)
	{
		columns.view = qlm_catalog_relid(QLM_REL_HISTORY);
		columns.view_path = get_attnum(columns.view, "path");
		columns.view_id = get_attnum(columns.view, "info_item_id");
		columns.view_ts = get_attnum(columns.view, "ts");
		columns.items = qlm_catalog_relid(QLM_REL_INFO_ITEM);
		columns.item_path = get_attnum(columns.items, "path");
		columns.item_id = get_attnum(columns.items, "info_item_id");
		columns_generation = generation;
	}
	return columns.view_path > 0 && columns.view_id > 0 &&
		columns.item_path > 0 && columns.item_id > 0 ? &columns : NULL;
}

/*
 * Until version 15 a view's query begins with an entry for the view itself.
 * Later the entry keeps the relation.
 */
bool
qlm_history_view_is(const RangeTblEntry *rte)
{
	const RangeTblEntry *first;

	if (rte->rtekind != RTE_SUBQUERY || rte->subquery == NULL)
		return false;
	if (OidIsValid(rte->relid))
		return rte->relid == columns.view;
	if (rte->subquery->rtable == NIL)
		return false;
	first = linitial(rte->subquery->rtable);
	return first->rtekind == RTE_RELATION && first->relkind == RELKIND_VIEW &&
		first->relid == columns.view;
}
