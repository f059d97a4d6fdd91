/*
 * stream.c
 *		Rows of a prepared statement, one by one as they come.
 *
 * SPI would first collect all of them, which a million values must not need.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/params.h"
#include "tcop/dest.h"

#include "storage/core/stream.h"

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
make_params(int nargs, const Oid *args, const Datum *values)
{
	ParamListInfo params = makeParamList(nargs);

	for (int i = 0; i < nargs; i++)
	{
		params->params[i].value = values[i];
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = args[i];
	}
	return params;
}

void
qlm_stream(SPIPlanPtr plan, int nargs, const Oid *args, const Datum *values,
		   QlmRowFunction function, void *arg)
{
	SPIExecuteOptions options = {0};
	Receiver	receiver = {0};
	int			result;

	receiver.base.receiveSlot = receive_row;
	receiver.base.rStartup = start_up;
	receiver.base.rShutdown = do_nothing;
	receiver.base.rDestroy = do_nothing;
	receiver.base.mydest = DestNone;
	receiver.context = CurrentMemoryContext;
	receiver.function = function;
	receiver.arg = arg;

	options.params = make_params(nargs, args, values);
	options.dest = &receiver.base;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not execute a prepared statement: %s",
			 SPI_result_code_string(result));
	MemoryContextSwitchTo(receiver.context);
	pfree(options.params);
}
