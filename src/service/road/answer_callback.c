/*
 * answer_callback.c
 *		One-time requests whose answer goes to a callback; the immediate answer
 *		and the callback share a requestID (protocol 3.5).
 */
#include "postgres.h"

#include "message/text/envelope_text.h"
#include "service/exchange/callback.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/road/answer_callback.h"
#include "storage/outbox/collection.h"

bool
qlm_wants_answer_callback(const QlmRequest *request)
{
	return request->callback &&
		(request->verb == QLM_WRITE || request->verb == QLM_DELETE ||
		 request->verb == QLM_CALL ||
		 (request->verb == QLM_READ && !request->has_interval));
}

/* The answer is complete: it is queued as it is. */
static void
queue_for_callback(const QlmExchange *exchange, const char *callback,
				   const QlmEnvelope *envelope)
{
	QlmOutboxRow	row;

	qlm_callback_row(&row, callback, qlm_exchange_peer_id(exchange),
					 qlm_exchange_peer_name(exchange));
	qlm_row_asked_by_exchange(&row, exchange);
	row.message_id = exchange->collection;
	row.envelope = qlm_envelope_to_text(envelope);
	row.expires_at = qlm_kept_until(exchange->received_at,
									qlm_ttl_end(exchange->received_at,
												exchange->request->ttl));
	qlm_outbox_add(&row);
}

/* The answer lacks results of other nodes: they are collected first. */
static void
collect_for_callback(const QlmExchange *exchange, const char *callback,
					QlmEnvelope *envelope)
{
	QlmCollection collection = {0};

	envelope->dialect.json = false; /* it is read again by this node, as XML */
	collection.request_id = exchange->collection;
	collection.role = exchange->role;
	collection.peer_id = qlm_exchange_peer_id(exchange);
	collection.peer = qlm_exchange_peer_name(exchange);
	collection.callback = callback;
	collection.envelope = qlm_envelope_to_text(envelope);
	collection.dialect = qlm_dialect_to_text(&exchange->request->dialect);
	collection.ttl = exchange->request->ttl;
	qlm_collection_add(&collection);
}

/*
 * Returns why the answer cannot go to the callback and sets the code to answer
 * with; NULL if it can.
 */
static const char *
problem_of(QlmExchange *exchange, const char *callback, int *code)
{
	const char *problem = qlm_exchange_callback_problem(exchange, callback, false, code);

	if (problem || qlm_exchange_may_queue(exchange, 0))
		return problem;
	*code = 429;
	return qlm_queue_surplus();
}

void
qlm_exchange_answer_callback(QlmExchange *exchange, const QlmRequest *request,
							 void (*run) (QlmExchange *exchange,
										  const QlmRequest *request,
										  QlmRequest *response))
{
	int			code;
	const char *problem = problem_of(exchange, request->callback, &code);
	QlmEnvelope *envelope;
	QlmRequest *response;
	const char *callback;
	List	   *id;
	ListCell   *lc;

	if (problem)
	{
		qlm_request_add_result(exchange->response, code, problem);
		return;
	}
	exchange->collection =
		qlm_outbox_new_id(qlm_exchange_is_own_callback(exchange, request->callback));
	exchange->ncollected = 0;
	id = qlm_request_id_list(exchange->collection);
	envelope = qlm_envelope_create(&exchange->request->dialect, exchange->request->ttl);
	response = qlm_envelope_add_request(envelope, QLM_RESPONSE);
	run(exchange, request, response);
	foreach(lc, response->results)
	{
		QlmResult  *result = lfirst(lc);

		if (result->request_ids == NIL)
			result->request_ids = id;
	}
	callback = qlm_exchange_callback_target(exchange, request->callback);
	if (exchange->ncollected > 0)
		collect_for_callback(exchange, callback, envelope);
	else
		queue_for_callback(exchange, callback, envelope);
	exchange->collection = 0;
	qlm_request_add_result(exchange->response, 200,
						   "the answer goes to the callback")->request_ids = id;
}
