/*
 * planner_hook.c
 *		Plans the statements of this library the same way, whatever the session
 *		has set.
 *
 * JIT compilation pays for statements that run for seconds.  It is decided by
 * the estimated cost, which grows with the size of the node, while these
 * statements stay small: they would be compiled again for each envelope.
 * Statements of the session, and those of triggers fired by statements of this
 * library, are not changed.
 */
#include "postgres.h"

#include "jit/jit.h"
#include "optimizer/cost.h"
#include "optimizer/planner.h"

#include "storage/core/plan.h"
#include "storage/planner/history_filter.h"
#include "storage/planner/planner_hook.h"

static planner_hook_type next_planner = NULL;

static PlannedStmt *
plan_statement(Query *query, const char *sql, int options, ParamListInfo params)
{
	return next_planner ? next_planner(query, sql, options, params) :
		standard_planner(query, sql, options, params);
}

/*
 * A plan made while a table was empty or small could scan it, or fetch and
 * sort all rows although only the first in an index are wanted, and would be
 * kept when the table has grown.
 */
static PlannedStmt *
plan_by_index(Query *query, const char *sql, int options, ParamListInfo params)
{
	bool		seqscan = enable_seqscan;
	bool		bitmapscan = enable_bitmapscan;
	bool		indexscan = enable_indexscan;
	PlannedStmt *planned;

	PG_TRY();
	{
		enable_seqscan = enable_bitmapscan = false;
		enable_indexscan = true;
		planned = plan_statement(query, sql, options, params);
	}
	PG_FINALLY();
	{
		enable_seqscan = seqscan;
		enable_bitmapscan = bitmapscan;
		enable_indexscan = indexscan;
	}
	PG_END_TRY();
	return planned;
}

static PlannedStmt *
plan(Query *query, const char *sql, int options, ParamListInfo params)
{
	PlannedStmt *planned;

	if (!(options & QLM_PLAN_OWN))
	{
		qlm_history_filter_add(query);
		return plan_statement(query, sql, options, params);
	}
	if (options & QLM_PLAN_INDEXED)
		planned = plan_by_index(query, sql, options, params);
	else
		planned = plan_statement(query, sql, options, params);
	planned->jitFlags = PGJIT_NONE;
	return planned;
}

void
qlm_planner_hook_register(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
}
