/*
 * handler.c
 *		SQL functions registered for paths: the methods of calls, and functions
 *		that read devices.
 *
 * They are functions of other users (function.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/function/function.h"
#include "storage/function/handler.h"

static QlmPlan find_plan = {
	"SELECT h.path, h.function,"
	" (SELECT e.extnamespace::pg_catalog.regnamespace::pg_catalog.text"
	" FROM pg_catalog.pg_extension e WHERE e.extname = 'qlm')"
	" FROM qlm.handler h WHERE h.path = ANY ($1) AND h.verb = $2"
	" ORDER BY pg_catalog.length(h.path) DESC LIMIT 1",
	2, {TEXTARRAYOID, TEXTOID}
};

/* Returns the path and all paths above it. */
static Datum
path_and_above(const char *path)
{
	int			n = 1;
	int			len;
	const char **paths;

	for (const char *p = path; *p; p++)
		n += *p == '/';
	paths = palloc(n * sizeof(char *));
	n = 0;
	for (len = strlen(path); len > 0; len--)
		if (path[len] == '\0' || path[len] == '/')
			paths[n++] = pnstrdup(path, len);
	return qlm_array_text(paths, n);
}

static bool
is_supported(const Form_pg_proc proc, QlmHandler *handler)
{
	const Oid  *args = proc->proargtypes.values;

	handler->takes_text = proc->pronargs == 1 && args[0] == TEXTOID;
	handler->takes_path = proc->pronargs == 2 && args[0] == TEXTOID &&
		args[1] == XMLOID;
	handler->returns_xml = proc->prorettype == XMLOID;
	handler->returns_void = proc->prorettype == VOIDOID;
	return proc->prokind == PROKIND_FUNCTION && !proc->proretset &&
		(handler->takes_text || handler->takes_path ||
		 (proc->pronargs == 1 && args[0] == XMLOID)) &&
		(handler->returns_xml || handler->returns_void ||
		 proc->prorettype == TEXTOID);
}

static void
describe(Oid function, const char *extension_schema, QlmHandler *handler)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

	if (!HeapTupleIsValid(tuple))
		return;
	handler->found = is_supported((Form_pg_proc) GETSTRUCT(tuple), handler) &&
		qlm_function_find(function, extension_schema, &handler->function);
	handler->trusted = qlm_function_may_run(function, GetUserId());
	ReleaseSysCache(tuple);
}

bool
qlm_handler_find(const char *path, const char *verb, QlmHandler *handler)
{
	Datum		values[2] = {path_and_above(path), CStringGetTextDatum(verb)};
	bool		found;
	const char *extension_schema = NULL;

	memset(handler, 0, sizeof(QlmHandler));
	qlm_plan_execute_as_owner(&find_plan, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		handler->path = qlm_spi_text(0, 1);
		handler->name = qlm_spi_text(0, 2);
		extension_schema = qlm_spi_text(0, 3);
	}
	SPI_freetuptable(SPI_tuptable);
	if (found)
		describe(qlm_function_oid(handler->name), extension_schema, handler);
	return found;
}

typedef struct Execution
{
	const QlmHandler *handler;
	const QlmHandlerInput *input;
	char	   *output;
} Execution;

static void
execute(void *arg)
{
	Execution  *execution = arg;
	const QlmHandler *handler = execution->handler;
	const QlmHandlerInput *input = execution->input;
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = psprintf("SELECT %s(%s)", handler->function.call,
							   handler->takes_path ? "$1, $2" : "$1");
	const char *first = handler->takes_path ? input->path :
		(handler->takes_text ? input->value : input->payload);
	Oid			types[2] = {handler->takes_path || handler->takes_text ? TEXTOID : XMLOID,
	XMLOID};
	Datum		values[2];
	char		nulls[2] = {first ? ' ' : 'n', ' '};
	int			result;

	values[0] = first ? CStringGetTextDatum(first) : (Datum) 0;
	values[1] = CStringGetTextDatum(input->payload);
	result = SPI_execute_with_args(sql, handler->takes_path ? 2 : 1, types,
								   values, nulls, false, 1);
	MemoryContextSwitchTo(context);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
	if (SPI_processed > 0 && !handler->returns_void)
		execution->output = qlm_spi_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
}

char *
qlm_handler_run(const QlmHandler *handler, const QlmHandlerInput *input)
{
	Execution	execution = {handler, input, NULL};
	QlmFunctionCall call = {&handler->function, execute, &execution};

	qlm_function_run(&call);
	return execution.output;
}

ErrorData *
qlm_handler_try(const QlmHandler *handler, const QlmHandlerInput *input,
				bool foreign, TimestampTz end, char **output, bool *late)
{
	Execution	execution = {handler, input, NULL};
	QlmFunctionCall call = {&handler->function, execute, &execution, foreign, end};
	ErrorData  *error = qlm_function_try(&call);

	*late = call.late;
	/* A serialization failure is for the worker, which runs the message again. */
	if (error && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK)
		ReThrowError(error);
	*output = execution.output;
	return error;
}
