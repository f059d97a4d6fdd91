/*
 * history_minmax.h
 *		max(ts) and min(ts) of one InfoItem in qlm.history.
 */
#ifndef QLM_HISTORY_MINMAX_H
#define QLM_HISTORY_MINMAX_H

#include "access/attnum.h"
#include "nodes/parsenodes.h"

/*
 * Where a query gives nothing but the first or last time of an InfoItem, have it look
 * for the first row in order; ts: number of that column.
 */
extern void qlm_history_minmax_rewrite(Query *query, AttrNumber ts);

#endif							/* QLM_HISTORY_MINMAX_H */
