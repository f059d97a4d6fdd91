/*
 * execute.c
 *		Runs one verb with the caller's rights, and decides what becomes of
 *		errors.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "service/exchange/error_code.h"
#include "service/exchange/hops.h"
#include "service/exchange/standby.h"
#include "service/forward/forward.h"
#include "service/payload/payload.h"
#include "service/road/answer_callback.h"
#include "service/road/execute.h"
#include "service/road/job_discovery.h"
#include "service/subscribe/subscribe.h"
#include "service/verbs/call_verb.h"
#include "service/verbs/delete_verb.h"
#include "service/verbs/poll_verb.h"
#include "service/verbs/read_verb.h"
#include "service/verbs/response_verb.h"
#include "service/verbs/write_verb.h"
#include "storage/core/answer_size.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "utils/timestamp.h"

typedef void (*VerbFunction) (QlmExchange *exchange, const QlmRequest *request,
							  QlmRequest *response);

static VerbFunction
verb_function(const QlmRequest *request)
{
	switch (request->verb)
	{
		case QLM_READ:
			if (request->request_ids != NIL)
				return qlm_verb_poll;
			return request->has_interval ? qlm_verb_subscribe : qlm_verb_read;
		case QLM_WRITE:
			return qlm_verb_write;
		case QLM_DELETE:
			return qlm_verb_delete;
		case QLM_CANCEL:
			return qlm_verb_cancel;
		case QLM_RESPONSE:
			return qlm_verb_response;
		case QLM_CALL:
			return qlm_verb_call;
	}
	return NULL;
}

static bool
is_for_others(const QlmRequest *request)
{
	return request->nodes != NIL && request->verb != QLM_RESPONSE;
}

/*
 * Runs a verb, and writes its data in the format that the request asks for.
 * Results of other nodes are left as they are.
 */
static void
run_verb(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	int			first = list_length(response->results);

	if (is_for_others(request))
	{
		qlm_verb_forward(exchange, request, response);
		return;
	}
	verb_function(request) (exchange, request, response);
	if (request->verb != QLM_READ || request->msgformat == NULL)
		return;
	for (int i = first; i < list_length(response->results); i++)
		qlm_payload_write(list_nth(response->results, i), request->msgformat,
						  &exchange->request->dialect);
}

/* A request that is forwarded keeps its payload as it came. */
static void
execute_verb(QlmExchange *exchange, const QlmRequest *request)
{
	if (!is_for_others(request))
		request = qlm_payload_read(request);
	else if (!qlm_exchange_may_forward(exchange, request))
		return;
	if (request->error_code != 0)
		qlm_request_add_result(exchange->response, request->error_code,
							   request->error);
	else if (qlm_wants_answer_callback(request))
		qlm_exchange_answer_callback(exchange, request, run_verb);
	else
		run_verb(exchange, request, exchange->response);
}

static void
execute(QlmExchange *exchange, const QlmRequest *request)
{
	QlmRights	saved;

	qlm_rights_become_caller(exchange->role, exchange->job->from_session, &saved);
	if (exchange->job->kind == QLM_JOB_DISCOVERY)
		qlm_discovery_execute(exchange);
	else
		execute_verb(exchange, request);
	qlm_rights_end_caller(&saved, exchange->job->from_session);
}

/* Adds the result of a verb whose subtransaction was rolled back. */
static void
add_failure(QlmExchange *exchange, const QlmRequest *request, const ErrorData *error)
{
	const char *description;
	int			code = qlm_error_code(error, &description);

	if (code == 503 && exchange->put_off == NULL)
		exchange->put_off = description;
	qlm_request_add_result(exchange->response, code, description);
	if (request->verb == QLM_RESPONSE && code < 500)
		qlm_response_refused(exchange, request, code, description);
}

static void
execute_guarded(QlmExchange *exchange, const QlmRequest *request)
{
	int			nresults = list_length(exchange->response->results);
	int			nawaited = list_length(exchange->awaited);
	Size		size = qlm_answer_size_get();
	QlmWriteCounts *counts = exchange->job->counts;
	QlmWriteCounts before = {0};

	if (counts)
		before = *counts;
	QLM_SUBTRANSACTION_TRY();
	{
		execute(exchange, request);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (qlm_error_must_leave(error))
			ReThrowError(error);
		exchange->response->results = list_truncate(exchange->response->results, nresults);
		exchange->awaited = list_truncate(exchange->awaited, nawaited);
		exchange->collection = 0;
		qlm_answer_size_set(size);
		if (counts)
			*counts = before;
		add_failure(exchange, request, error);
	}
	QLM_SUBTRANSACTION_END();
}

void
qlm_exchange_execute(QlmExchange *exchange, const QlmRequest *request)
{
	if (request->error_code != 0)
	{
		qlm_request_add_result(exchange->response, request->error_code,
							   request->error);
		if (request->verb == QLM_RESPONSE)
			qlm_response_refused(exchange, request, request->error_code, request->error);
	}
	else if (exchange->job->kind != QLM_JOB_DISCOVERY && qlm_request_needs_primary(request))
		qlm_standby_refuse(exchange->response);
	else if (request->verb != QLM_RESPONSE && qlm_exchange_has_been_here(exchange))
		qlm_request_add_result(exchange->response, 504, "loop");
	else if (exchange->alone && qlm_exchange_may_guard(exchange))
		execute_guarded(exchange, request);
	else
		execute(exchange, request);
}
