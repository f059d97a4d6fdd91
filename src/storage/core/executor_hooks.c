/*
 * executor_hooks.c
 *		Makes work that is done below the executor visible to extensions with
 *		executor hooks.
 *
 * Extensions that audit or count statements would not see what is written into
 * tables below the executor.  So if there is a hook, the executor starts, runs
 * and ends the statement that would do the work.  Its plan has a single node,
 * a custom scan, which does it.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "storage/core/executor_hooks.h"
#include "storage/core/plan.h"

typedef struct WorkScan
{
	CustomScan	node;
	QlmHookedWork function;
	void	   *arg;
	MemoryContext context;		/* of the caller */
} WorkScan;

typedef struct WorkScanState
{
	CustomScanState node;
	const WorkScan *work;
	bool		done;
} WorkScanState;

bool
qlm_executor_hooks_audit(void)
{
	return ExecutorCheckPerms_hook != NULL;
}

bool
qlm_executor_hooks_exist(void)
{
	return ExecutorCheckPerms_hook != NULL || ExecutorStart_hook != NULL ||
		ExecutorRun_hook != NULL || ExecutorFinish_hook != NULL ||
		ExecutorEnd_hook != NULL;
}

static Node *create_state(CustomScan *scan);

static const CustomScanMethods scan_methods = {
	.CustomName = "qlm",
	.CreateCustomScanState = create_state
};

static void
begin_node(CustomScanState *node, EState *estate, int flags)
{
}

static TupleTableSlot *
execute_node(CustomScanState *node)
{
	WorkScanState *state = (WorkScanState *) node;

	if (!state->done)
	{
		MemoryContext context = MemoryContextSwitchTo(state->work->context);

		state->done = true;
		node->ss.ps.state->es_processed += state->work->function(state->work->arg);
		MemoryContextSwitchTo(context);
	}
	return NULL;
}

static void
do_nothing(CustomScanState *node)
{
}

static const CustomExecMethods execute_methods = {
	.CustomName = "qlm",
	.BeginCustomScan = begin_node,
	.ExecCustomScan = execute_node,
	.EndCustomScan = do_nothing,
	.ReScanCustomScan = do_nothing
};

static Node *
create_state(CustomScan *scan)
{
	WorkScanState *state = palloc0(sizeof(WorkScanState));

	NodeSetTag(state, T_CustomScanState);
	state->node.methods = &execute_methods;
	state->work = (const WorkScan *) scan;
	return (Node *) state;
}

/*
 * Has the same effects as executing the statement's plan, but the work is done
 * by the custom scan.
 */
static void
execute_instead(const PlannedStmt *planned, const char *sql, ParamListInfo params,
				WorkScan *work)
{
	PlannedStmt statement = *planned;
	QueryDesc  *query;

	statement.planTree = &work->node.scan.plan;
	statement.subplans = NIL;
	query = CreateQueryDesc(&statement, sql, GetActiveSnapshot(), InvalidSnapshot,
							None_Receiver, params, NULL, 0);
	ExecutorStart(query, EXEC_FLAG_SKIP_TRIGGERS);
	qlm_executor_run(query);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

static ParamListInfo
make_params(const QlmPlan *plan, const Datum *values)
{
	ParamListInfo params = makeParamList(plan->nargs);

	for (int i = 0; i < plan->nargs; i++)
	{
		params->params[i].value = values ? values[i] : (Datum) 0;
		params->params[i].isnull = values == NULL;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = plan->args[i];
	}
	return params;
}

void
qlm_executor_hooks_run(QlmPlan *plan, const Datum *params, QlmHookedWork function, void *arg)
{
	WorkScan	work = {.function = function, .arg = arg, .context = CurrentMemoryContext};
	CachedPlan *cached;

	if (!qlm_executor_hooks_exist())
	{
		(void) function(arg);
		return;
	}
	NodeSetTag(&work, T_CustomScan);
	work.node.methods = &scan_methods;
	qlm_storage_begin();
	qlm_plan_prepare(plan);
	PushActiveSnapshot(GetTransactionSnapshot());
	cached = SPI_plan_get_cached_plan(plan->plan);
	if (cached == NULL || list_length(cached->stmt_list) != 1)
		elog(ERROR, "a rule makes another statement of \"%s\"", plan->sql);
	execute_instead(linitial_node(PlannedStmt, cached->stmt_list), plan->sql,
					make_params(plan, params), &work);
	ReleaseCachedPlan(cached, CurrentResourceOwner);
	PopActiveSnapshot();
	qlm_storage_end();
}
