/*
 * plan.c
 *		Statements that are prepared once for each process, and their
 *		execution.
 *
 * Most SPI calls leave another memory context current; each function here
 * returns in that of the caller.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/builtins.h"

#include "storage/core/plan.h"
#include "storage/core/rights.h"

void
qlm_storage_begin(void)
{
	MemoryContext context = CurrentMemoryContext;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(context);
}

void
qlm_storage_end(void)
{
	MemoryContext context = CurrentMemoryContext;

	SPI_finish();
	MemoryContextSwitchTo(context);
}

void
qlm_plan_prepare(QlmPlan *plan)
{
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	prepared;

	if (plan->plan != NULL)
		return;
	prepared = SPI_prepare_cursor(plan->sql, plan->nargs, plan->args,
								  plan->options | QLM_PLAN_OWN);
	if (prepared == NULL)
		elog(ERROR, "could not prepare \"%s\": %s",
			 plan->sql, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(prepared) != 0)
		elog(ERROR, "could not keep plan \"%s\"", plan->sql);
	MemoryContextSwitchTo(context);
	plan->plan = prepared;
}

void
qlm_plan_execute(QlmPlan *plan, Datum *values, const char *nulls, long limit)
{
	MemoryContext context = CurrentMemoryContext;
	int			result;

	qlm_plan_prepare(plan);
	result = SPI_execute_plan(plan->plan, values, nulls, plan->as_active, limit);
	MemoryContextSwitchTo(context);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 plan->sql, SPI_result_code_string(result));
}

/*
 * For arrays the planner would prefer a new plan for each call, which takes
 * longer than the execution.
 */
static void
go_by_index(QlmPlan *plan)
{
	plan->options |= QLM_PLAN_GENERIC | QLM_PLAN_INDEXED;
}

void
qlm_plan_execute_indexed(QlmPlan *plan, Datum *values, const char *nulls, long limit)
{
	go_by_index(plan);
	qlm_plan_execute(plan, values, nulls, limit);
}

uint64
qlm_plan_execute_as_owner(QlmPlan *plan, Datum *values, const char *nulls)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	return SPI_processed;
}

void
qlm_plan_execute_once(const char *sql, int options, Snapshot snapshot)
{
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, 0, NULL,
											   options | QLM_PLAN_OWN);
	int			result = SPI_result;

	if (plan != NULL)
		result = SPI_execute_snapshot(plan, NULL, NULL, snapshot,
									  InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
	SPI_freeplan(plan);
	MemoryContextSwitchTo(context);
}

/*
 * SPI would collect all rows first, which takes too much memory for a million
 * values.
 */
typedef struct Receiver
{
	DestReceiver base;
	MemoryContext context;
	QlmRowFunction function;
	void	   *arg;
} Receiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext context;

	if (receiver->function == NULL)
		return true;
	slot_getallattrs(slot);
	context = MemoryContextSwitchTo(receiver->context);
	receiver->function(receiver->arg, slot->tts_values, slot->tts_isnull);
	MemoryContextSwitchTo(context);
	return true;
}

static void
start_up(DestReceiver *self, int operation, TupleDesc descriptor)
{
}

static void
do_nothing(DestReceiver *self)
{
}

static ParamListInfo
make_params(const QlmPlan *plan, const Datum *values)
{
	ParamListInfo params = makeParamList(plan->nargs);

	for (int i = 0; i < plan->nargs; i++)
	{
		params->params[i].value = values[i];
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = plan->args[i];
	}
	return params;
}

void
qlm_plan_stream(QlmPlan *plan, const Datum *values, QlmRowFunction function, void *arg)
{
	SPIExecuteOptions options = {0};
	Receiver	receiver = {0};
	int			result;

	qlm_plan_prepare(plan);
	receiver.base.receiveSlot = receive_row;
	receiver.base.rStartup = start_up;
	receiver.base.rShutdown = do_nothing;
	receiver.base.rDestroy = do_nothing;
	receiver.base.mydest = DestNone;
	receiver.context = CurrentMemoryContext;
	receiver.function = function;
	receiver.arg = arg;

	options.params = make_params(plan, values);
	options.dest = &receiver.base;
	result = SPI_execute_plan_extended(plan->plan, &options);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 plan->sql, SPI_result_code_string(result));
	MemoryContextSwitchTo(receiver.context);
	pfree(options.params);
}

void
qlm_plan_stream_indexed(QlmPlan *plan, const Datum *values, QlmRowFunction function,
						void *arg)
{
	go_by_index(plan);
	qlm_plan_stream(plan, values, function, arg);
}

char *
qlm_spi_text(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = qlm_spi_datum(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

Datum
qlm_spi_datum(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}
