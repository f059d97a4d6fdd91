/*
 * history_view.h
 *		The view qlm.history in queries that are to be planned.
 */
#ifndef QLM_HISTORY_VIEW_H
#define QLM_HISTORY_VIEW_H

#include "postgres.h"
#include "access/attnum.h"
#include "nodes/parsenodes.h"

/* OIDs, and numbers of columns, of the view and of qlm.info_item */
typedef struct QlmHistoryColumns
{
	Oid			view;
	AttrNumber	view_path;
	AttrNumber	view_id;
	AttrNumber	view_ts;
	Oid			items;
	AttrNumber	item_path;
	AttrNumber	item_id;
} QlmHistoryColumns;

/*
 * NULL: there is no such extension, or a column was renamed.  Valid until the catalog
 * changes.
 */
extern const QlmHistoryColumns *qlm_history_view_columns(void);

/* Is the entry qlm.history?  After the above has returned the columns. */
extern bool qlm_history_view_is(const RangeTblEntry *rte);

#endif							/* QLM_HISTORY_VIEW_H */
