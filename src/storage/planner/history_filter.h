/*
 * history_filter.h
 *		Queries on qlm.history that ask for the first or last values of an InfoItem.
 */
#ifndef QLM_HISTORY_FILTER_H
#define QLM_HISTORY_FILTER_H

#include "nodes/parsenodes.h"

/* Before planning: the query says the same afterwards, and can be planned better. */
extern void qlm_history_filter_add(Query *query);

#endif							/* QLM_HISTORY_FILTER_H */
