/*
 * execute.c
 *		Runs one verb with the caller's rights, and decides what becomes of
 *		errors and callbacks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "service/forward/forward.h"
#include "service/forward/send_on.h"
#include "service/payload/payload.h"
#include "service/road/callback.h"
#include "service/road/exchange.h"
#include "service/road/lifetime.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/answer_size.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/outbox/collection.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox.h"
#include "storage/replica/sequence.h"
#include "storage/write/write_counts.h"

/* Of an error: it may hold whatever somebody has written. */
#define MAX_DESCRIPTION	2000
#define MAX_NAME_SHOWN	80

/* What stands in the place of Objects? */
static const char *
wrong_odf(const QlmRequest *request)
{
	const char *text = request->opaque;
	int			len;

	if (!request->opaque_xml || *text != '<')
		return "the payload is a text, which is no O-DF: msgformat says what it is, e.g. csv";
	len = strcspn(++text, " \t\r\n/>");
	return psprintf("the payload is an element %s, where O-DF has Objects",
					pnstrdup(text, pg_mbcliplen(text, len, MAX_NAME_SHOWN)));
}

bool
qlm_verb_has_odf(const QlmRequest *request, QlmRequest *response)
{
	if (request->odf)
		return true;
	if (request->opaque && qlm_payload_is_odf(request->msgformat))
		qlm_request_add_result(response, 400, wrong_odf(request));
	else if (request->opaque)
		qlm_request_add_result(response, 415,
							   psprintf("payload format \"%s\" is not understood",
										request->msgformat));
	else
		qlm_request_add_result(response, 400,
							   psprintf("a %s needs a payload with Objects",
										qlm_verb_name(request->verb)));
	return false;
}

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
 * Run it, and write its data in the format that it asks for.  What others have
 * in it is theirs to write.
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

static bool
wants_callback(const QlmRequest *request)
{
	return request->callback &&
		(request->verb == QLM_WRITE || request->verb == QLM_DELETE ||
		 request->verb == QLM_CALL ||
		 (request->verb == QLM_READ && !request->has_interval));
}

/* The answer is there: to the callback with it. */
static void
queue_for_callback(const QlmExchange *exchange, const char *callback,
				   const char *envelope)
{
	QlmOutboxRow	message = {0};

	message.message_id = exchange->collection;
	message.asker_role = exchange->role;
	message.asker_peer_id = exchange->peer ? exchange->peer->peer_id : 0;
	message.asker_peer = exchange->peer ? exchange->peer->name : NULL;
	if (!qlm_is_connection(callback))
	{
		message.peer_id = message.asker_peer_id;
		message.peer = message.asker_peer;
	}
	message.url = callback;
	message.is_response = true;
	message.envelope = envelope;
	message.expires_at = qlm_kept_until(exchange->received_at,
										qlm_ttl_end(exchange->received_at,
													exchange->request->ttl));
	qlm_outbox_add(&message);
}

/* It is not there before others have answered. */
static void
gather_for_callback(const QlmExchange *exchange, const char *callback,
					const char *envelope)
{
	QlmCollection collection = {0};

	collection.request_id = exchange->collection;
	collection.role = exchange->role;
	collection.peer_id = exchange->peer ? exchange->peer->peer_id : 0;
	collection.peer = exchange->peer ? exchange->peer->name : NULL;
	collection.callback = callback;
	collection.envelope = envelope;
	collection.dialect = qlm_dialect_to_text(&exchange->request->dialect);
	collection.ttl = exchange->request->ttl;
	qlm_collection_add(&collection);
}

/*
 * The outcome of a one-time request goes to its callback; the immediate answer
 * and the callback share a requestID (protocol 3.5).
 */
static void
execute_with_callback(QlmExchange *exchange, const QlmRequest *request)
{
	QlmEnvelope *envelope;
	QlmRequest *response;
	QlmResult  *result;
	StringInfoData text;
	List	   *id;
	bool		own = qlm_is_own_connection(exchange, request->callback);
	int			code;
	const char *problem = own ? NULL :
		qlm_callback_problem(exchange->peer, request->callback, false, &code);
	ListCell   *lc;

	if (problem)
	{
		qlm_request_add_result(exchange->response, code, problem);
		return;
	}
	if (!qlm_exchange_may_queue(exchange, 0))
	{
		qlm_request_add_result(exchange->response, 429, qlm_queue_surplus());
		return;
	}
	exchange->collection = qlm_outbox_new_id(own);
	exchange->ncollected = 0;
	id = list_make1(psprintf(INT64_FORMAT, exchange->collection));
	envelope = qlm_envelope_create(&exchange->request->dialect, exchange->request->ttl);
	response = qlm_envelope_add_request(envelope, QLM_RESPONSE);
	run_verb(exchange, request, response);
	foreach(lc, response->results)
	{
		result = lfirst(lc);
		if (result->request_ids == NIL)
			result->request_ids = id;
	}
	initStringInfo(&text);
	exchange->job->pushes |= own;
	if (exchange->ncollected > 0)
	{
		envelope->dialect.json = false; /* it is for us to read */
		qlm_envelope_print(&text, envelope);
		gather_for_callback(exchange, own ? exchange->job->connection : request->callback,
							text.data);
	}
	else
	{
		qlm_envelope_print(&text, envelope);
		queue_for_callback(exchange, own ? exchange->job->connection : request->callback,
						   text.data);
	}
	exchange->collection = 0;

	result = qlm_request_add_result(exchange->response, 200,
									"the answer goes to the callback");
	result->request_ids = id;
}

static void
execute_here(QlmExchange *exchange, const QlmRequest *request)
{
	request = qlm_payload_read(request);
	if (request->error_code != 0)
		qlm_request_add_result(exchange->response, request->error_code,
							   request->error);
	else if (wants_callback(request))
		execute_with_callback(exchange, request);
	else
		run_verb(exchange, request, exchange->response);
}

/* A payload goes to other nodes as it came. */
static void
execute_elsewhere(QlmExchange *exchange, const QlmRequest *request)
{
	if (wants_callback(request))
		execute_with_callback(exchange, request);
	else
		run_verb(exchange, request, exchange->response);
}

static void
execute(QlmExchange *exchange, const QlmRequest *request)
{
	QlmRights	saved;

	qlm_rights_become_caller(exchange->role, exchange->job->from_session, &saved);
	if (exchange->job->discovery)
		qlm_exchange_discover(exchange);
	else if (!is_for_others(request))
		execute_here(exchange, request);
	else if (qlm_exchange_may_forward(exchange, request))
		execute_elsewhere(exchange, request);
	qlm_rights_end_caller(&saved, exchange->job->from_session);
}

int
qlm_error_code(const ErrorData *error, const char **description)
{
	int			code = qlm_sequence_is_behind(error) ? 503 :
		qlm_sqlstate_code(error->sqlerrcode, error->filename);
	int			len = strlen(error->message);

	if (code >= 500)
		ereport(LOG,
				(errmsg("qlm could not execute a request: %s", error->message),
				 error->hint ? errhint("%s", error->hint) : 0));
	*description = len <= MAX_DESCRIPTION ? error->message :
		pnstrdup(error->message,
				 pg_mbcliplen(error->message, len, MAX_DESCRIPTION));
	return code;
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
		const char *description;
		int			code;

		if (qlm_error_must_leave(error))
			ReThrowError(error);
		exchange->response->results = list_truncate(exchange->response->results,
													nresults);
		exchange->awaited = list_truncate(exchange->awaited, nawaited);
		exchange->collection = 0;
		qlm_answer_size_set(size);
		if (counts)
			*counts = before;
		code = qlm_error_code(error, &description);
		if (code == 503 && exchange->put_off == NULL)
			exchange->put_off = description;
		qlm_request_add_result(exchange->response, code, description);
		if (request->verb == QLM_RESPONSE && code < 500)
			qlm_response_refused(exchange, request, code, description);
	}
	QLM_SUBTRANSACTION_END();
}

/* A read without payload fetches what is queued, which would be noted too. */
bool
qlm_request_needs_primary(const QlmRequest *request)
{
	if (request->error_code != 0 || !XactReadOnly || !RecoveryInProgress())
		return false;
	return request->verb != QLM_READ || request->has_interval ||
		request->callback || request->request_ids != NIL || request->nodes != NIL ||
		(request->odf == NULL && request->opaque == NULL);
}

/*
 * What conflicts with recovery is cancelled, but in a subtransaction the server
 * ends the whole process, with the connections of others.  So on a standby a worker
 * has an error end the transaction, in which nothing was written.
 */
bool
qlm_exchange_may_guard(const QlmExchange *exchange)
{
	return exchange->job->from_session || !XactReadOnly || !RecoveryInProgress();
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
	else if (exchange->job->discovery == NULL && qlm_request_needs_primary(request))
		qlm_request_add_result(exchange->response, 503, QLM_STANDBY_REFUSES);
	else if (request->verb != QLM_RESPONSE && qlm_exchange_has_been_here(exchange))
		qlm_request_add_result(exchange->response, 504, "loop");
	else if (exchange->alone && qlm_exchange_may_guard(exchange))
		execute_guarded(exchange, request);
	else
		execute(exchange, request);
}
