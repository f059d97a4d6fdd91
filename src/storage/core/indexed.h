/*
 * indexed.h
 *		Statements that must go by an index, planned once.
 *
 * The planner would rather plan anew for the arrays of each call, which takes
 * longer than to execute.
 */
#ifndef QLM_INDEXED_H
#define QLM_INDEXED_H

#include "storage/core/catalog.h"
#include "storage/planner/planner_hook.h"

static inline void
qlm_plan_execute_indexed(QlmPlan *plan, Datum *values, const char *nulls,
						 long limit)
{
	plan->options |= QLM_PLAN_GENERIC | QLM_PLAN_INDEXED;
	qlm_plan_execute(plan, values, nulls, limit);
}

/* As the owner of the tables; returns how many rows. */
static inline uint64
qlm_plan_execute_as_owner(QlmPlan *plan, Datum *values, const char *nulls)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	return SPI_processed;
}

static inline void
qlm_plan_stream_indexed(QlmPlan *plan, const Datum *values,
						QlmRowFunction function, void *arg)
{
	plan->options |= QLM_PLAN_GENERIC | QLM_PLAN_INDEXED;
	qlm_plan_stream(plan, values, function, arg);
}

#endif							/* QLM_INDEXED_H */
