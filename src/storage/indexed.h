/*
 * indexed.h
 *		Statements that must go by an index, planned once.
 *
 * A plan that was made while a table was empty or small would otherwise scan
 * it from end to end, or fetch and sort all that an index finds where only the
 * first in its order are wanted, and stay when the table has grown.  The planner
 * would rather plan anew for the arrays of each call, which takes longer than
 * to execute.
 */
#ifndef QLM_STORAGE_INDEXED_H
#define QLM_STORAGE_INDEXED_H

#include "utils/guc.h"

#include "storage/catalog.h"

static inline int
qlm_indexed_begin(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("enable_seqscan", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

static inline void
qlm_indexed_end(int nest_level)
{
	AtEOXact_GUC(true, nest_level);
}

static inline void
qlm_plan_execute_indexed(QlmPlan *plan, Datum *values, const char *nulls,
						 long limit)
{
	int			nest_level = qlm_indexed_begin();

	plan->options |= QLM_PLAN_GENERIC;
	qlm_plan_execute(plan, values, nulls, limit);
	qlm_indexed_end(nest_level);
}

static inline void
qlm_plan_stream_indexed(QlmPlan *plan, const Datum *values,
						QlmRowFunction function, void *arg)
{
	int			nest_level = qlm_indexed_begin();

	plan->options |= QLM_PLAN_GENERIC;
	qlm_plan_stream(plan, values, function, arg);
	qlm_indexed_end(nest_level);
}

#endif							/* QLM_STORAGE_INDEXED_H */
