/*
 * executor_hooks.c
 *		Work that is done in the place of a statement.
 *
 * Extensions that audit or count statements hook into the executor.  What goes
 * into tables below that would be seen by none of them.  So where there is such a hook,
 * the executor starts, runs and ends the statement; but of its plan there
 * is one node only, which does the work.
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

typedef struct StandIn
{
	CustomScan	node;
	QlmHookedWork	function;
	void	   *arg;
	MemoryContext context;		/* of the caller */
} StandIn;

typedef struct StandInState
{
	CustomScanState node;
	const StandIn *stand_in;
	bool		done;
} StandInState;

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
	StandInState *state = (StandInState *) node;

	if (!state->done)
	{
		MemoryContext context = MemoryContextSwitchTo(state->stand_in->context);

		state->done = true;
		node->ss.ps.state->es_processed += state->stand_in->function(state->stand_in->arg);
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
	StandInState *state = palloc0(sizeof(StandInState));

	NodeSetTag(state, T_CustomScanState);
	state->node.methods = &execute_methods;
	state->stand_in = (const StandIn *) scan;
	return (Node *) state;
}

/* As those of the statement's plan, but by the node alone */
static void
execute_instead(const PlannedStmt *planned, const char *sql, ParamListInfo params,
				StandIn *stand_in)
{
	PlannedStmt statement = *planned;
	QueryDesc  *query;

	statement.planTree = &stand_in->node.scan.plan;
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
	StandIn		stand_in = {.function = function, .arg = arg, .context = CurrentMemoryContext};
	CachedPlan *cached;

	if (!qlm_executor_hooks_exist())
	{
		(void) function(arg);
		return;
	}
	NodeSetTag(&stand_in, T_CustomScan);
	stand_in.node.methods = &scan_methods;
	qlm_storage_begin();
	qlm_plan_prepare(plan);
	PushActiveSnapshot(GetTransactionSnapshot());
	cached = SPI_plan_get_cached_plan(plan->plan);
	if (cached == NULL || list_length(cached->stmt_list) != 1)
		elog(ERROR, "a rule makes another statement of \"%s\"", plan->sql);
	execute_instead(linitial_node(PlannedStmt, cached->stmt_list), plan->sql,
					make_params(plan, params), &stand_in);
	ReleaseCachedPlan(cached, CurrentResourceOwner);
	PopActiveSnapshot();
	qlm_storage_end();
}
