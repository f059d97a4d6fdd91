/*
 * history_plan.h
 *		Queries on qlm.history that ask for the first or last values of an InfoItem.
 */
#ifndef QLM_STORAGE_HISTORY_PLAN_H
#define QLM_STORAGE_HISTORY_PLAN_H

#include "nodes/parsenodes.h"

/* Before planning: the query says the same afterwards, and can be planned better. */
extern void qlm_history_prepare(Query *query);

#endif							/* QLM_STORAGE_HISTORY_PLAN_H */
