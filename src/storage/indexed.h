/*
 * indexed.h
 *		Statements that must go by an index, planned once.
 *
 * A plan that was made while a table was empty or small would otherwise scan
 * it from end to end, and stay when the table has grown.  And the planner
 * would rather plan anew for the arrays of each call, which takes longer than
 * to execute.
 */
#ifndef QLM_STORAGE_INDEXED_H
#define QLM_STORAGE_INDEXED_H

#include "utils/guc.h"

#include "storage/catalog.h"

static inline void
qlm_plan_execute_indexed(QlmPlan *plan, Datum *values, const char *nulls,
						 long limit)
{
	int			nest_level = NewGUCNestLevel();

	plan->options |= QLM_PLAN_GENERIC;
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	qlm_plan_execute(plan, values, nulls, limit);
	AtEOXact_GUC(true, nest_level);
}

#endif							/* QLM_STORAGE_INDEXED_H */
