/*
 * method_run.c
 *		Runs the function of a method, with a time limit and in a
 *		subtransaction.
 */
#include "postgres.h"

#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "service/exchange/error_code.h"
#include "service/exchange/lifetime.h"
#include "service/verbs/method.h"
#include "service/verbs/method_run.h"
#include "storage/core/subtransaction.h"

/* What is left for the answer after a function was stopped */
#define TIME_TO_ANSWER	(USECS_PER_SEC / 2)

/*
 * Returns until when a function may run: limited by the ttl and by the time of
 * the request.
 */
static TimestampTz
call_end(const QlmExchange *exchange)
{
	TimestampTz end = qlm_ttl_end(exchange->received_at, exchange->request->ttl);
	TimestampTz last;

	if (exchange->job->from_session || !get_timeout_active(STATEMENT_TIMEOUT))
		return end;
	last = get_timeout_finish_time(STATEMENT_TIMEOUT);
	last -= Min(TIME_TO_ANSWER, (last - GetCurrentTimestamp()) / 4);
	return Min(end, last);
}

/* Are the caller's data at fault?  Not in the case of a plain RAISE. */
static bool
is_about_data(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

bool
qlm_method_run(const QlmExchange *exchange, const QlmHandler *handler, const char *path,
			   const QlmInfoItem *item, bool whole, QlmOdf **odf, int *code,
			   const char **problem)
{
	QlmHandlerInput input;
	ErrorData  *error;
	char	   *output = NULL;
	bool		late;

	qlm_method_input(&input, path, item);
	error = qlm_handler_try(handler, &input, !exchange->job->from_session,
							call_end(exchange), &output, &late);
	if (error == NULL)
	{
		*code = 500;
		return qlm_method_output(handler, path, output, odf, problem);
	}
	if (late && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		*code = 503;
		*problem = "the function did not end in time";
		return false;
	}

	/* A temporary error undoes the whole call, which may be repeated. */
	if (whole && qlm_error_may_pass(error))
		ReThrowError(error);
	*code = qlm_error_code(error, problem);
	if (*code == 400 && !is_about_data(error))
		*code = 500;
	return false;
}
