/*
 * dialog.c
 *		What this node does with the answer of a peer that it has called: it
 *		executes the requests nested in it, and queues their answers (protocol
 *		7.3, 7.4).
 *
 * A nested request has the rights of the peer that was called, as if the peer
 * had posted it.  An executed request is remembered by its correlation id and
 * a hash of what it asks for.  If it comes again, the remembered answer is
 * sent again.  The same holds for data that have to be acknowledged.  A plain
 * read is executed each time.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "message/text/envelope_text.h"
#include "service/exchange/callback.h"
#include "service/exchange/lifetime.h"
#include "service/road/dialog.h"
#include "service/road/execute_all.h"
#include "service/road/repeated_request.h"
#include "service/road/request_hash.h"
#include "service/verbs/response_verb.h"
#include "storage/core/plan.h"
#include "storage/outbox/executed.h"

/* Size at which answers are no longer added to the same envelope */
#define TOGETHER_MAX	(64 * 1024)

/*
 * The answers to all requests nested in one envelope.  A peer that can send
 * several at once can take several answers at once, which saves round trips.
 */
typedef struct Answers
{
	QlmEnvelope *envelope;		/* NULL: none yet */
	QlmRequest *response;
	double		ttl;
	Size		size;
	bool		is_stuck;		/* data could not be stored for now */
} Answers;

void
qlm_dialog_heartbeat(StringInfo body, const char *dialect_text)
{
	QlmDialect	dialect;
	QlmEnvelope *envelope;

	/* Piggy-backing is part of the QLM generations, hence this default. */
	if (dialect_text == NULL || !qlm_dialect_from_text(dialect_text, &dialect))
		dialect = *qlm_dialect_by_key("Q1");
	envelope = qlm_envelope_create(&dialect, 0);
	envelope->acknowledge = true;
	qlm_envelope_add_request(envelope, QLM_READ);
	qlm_envelope_print(body, envelope);
}

char *
qlm_dialog_outgoing(int peer_id, const QlmOutboxRow *row)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);
	QlmEnvelope *envelope = row->is_response ? NULL :
		qlm_envelope_from_text(row->envelope);

	if (envelope == NULL)
		return unconstify(char *, row->envelope);
	if (peer && peer->dialect)
		qlm_dialect_from_text(peer->dialect, &envelope->dialect);
	envelope->ttl = qlm_ttl_left(row->expires_at);

	/* The key stays the same when the row is posted again. */
	envelope->key = peer && !qlm_envelope_is_repeatable(envelope) ?
		psprintf(INT64_FORMAT "." INT64_FORMAT, row->message_id,
				 row->created_at) : NULL;
	return qlm_envelope_to_text(envelope);
}

static void
queue_answer(const QlmPeer *peer, const char *callback, double ttl,
			 const char *envelope)
{
	QlmOutboxRow	row = {0};

	row.peer_id = peer->peer_id;
	row.peer = peer->name;
	row.url = callback;
	row.is_response = true;
	row.envelope = envelope;
	row.created_at = GetCurrentTimestamp();
	row.expires_at = qlm_kept_until(row.created_at,
									qlm_ttl_end(row.created_at, ttl));
	qlm_outbox_add(&row);
}

/*
 * Takes the callback out of a nested one-time request and returns it: the
 * answer goes there.  The callback of a subscription stays, as it is for the
 * data; so does that of a request to be forwarded, as it is for the answers of
 * other nodes.
 */
static const char *
take_callback(const QlmPeer *peer, QlmEnvelope *nested)
{
	const char *callback = NULL;
	ListCell   *lc;

	foreach(lc, nested->requests)
	{
		QlmRequest *request = lfirst(lc);

		if (request->callback == NULL || request->has_interval ||
			request->nodes != NIL || request->target_device ||
			request->verb == QLM_CALL)
			continue;
		if (qlm_callback_problem(peer, request->callback, false, NULL) == NULL)
			callback = request->callback;
		request->callback = NULL;
	}
	return callback;
}

/* Is it a response, e.g. data of a subscription, and not a request? */
static bool
is_response(const QlmEnvelope *nested)
{
	return nested->requests != NIL &&
		((QlmRequest *) linitial(nested->requests))->verb == QLM_RESPONSE;
}

/*
 * The correlation ids go before the requestIDs of new subscriptions (protocol
 * 7.4.3).
 */
static void
correlate(QlmRequest *response, List *request_ids)
{
	ListCell   *lc;

	foreach(lc, response->results)
	{
		QlmResult  *result = lfirst(lc);

		result->request_ids = list_concat_copy(request_ids, result->request_ids);
	}
}

static void
queue_together(const QlmPeer *peer, Answers *answers)
{
	if (answers->envelope)
		queue_answer(peer, NULL, answers->ttl, qlm_envelope_to_text(answers->envelope));
	answers->envelope = NULL;
	answers->size = 0;
}

static void
add_answer(QlmExchange *exchange, Answers *answers, double ttl, Size size)
{
	if (answers->envelope &&
		(answers->size + size > TOGETHER_MAX ||
		 strcmp(qlm_dialect_key(&answers->envelope->dialect),
				qlm_dialect_key(&exchange->answer->dialect)) != 0))
		queue_together(exchange->peer, answers);
	if (answers->envelope == NULL)
	{
		answers->envelope = exchange->answer;
		answers->response = exchange->response;
		answers->ttl = ttl;
	}
	else
	{
		answers->response->results = list_concat(answers->response->results,
												 exchange->response->results);
		if (answers->ttl >= 0)
			answers->ttl = ttl < 0 ? ttl : Max(answers->ttl, ttl);
	}
	answers->size += size;
}

/*
 * In a response with an error payloads may be incomplete, e.g. Objects without
 * an id.
 */
static void
forget_payloads(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
		((QlmResult *) lfirst(lc))->odf = NULL;
}

/* Returns the results of all responses of an envelope. */
static List *
all_results(const QlmEnvelope *envelope)
{
	List	   *results = NIL;
	ListCell   *lc;

	foreach(lc, envelope->requests)
	{
		QlmRequest *request = lfirst(lc);

		if (request->verb != QLM_RESPONSE)
			continue;
		if (request->error_code != 0)
			forget_payloads(request->results);
		results = list_concat(results, request->results);
	}
	return results;
}

/*
 * A nested request that cannot be understood is answered by 400 (protocol
 * 7.4.9).
 */
static void
refuse_nested(QlmExchange *exchange, const QlmResult *carrier, const char *why)
{
	QlmEnvelope *answer = qlm_envelope_create(&exchange->request->dialect, 0);
	QlmRequest *response = qlm_envelope_add_request(answer, QLM_RESPONSE);

	qlm_request_add_result(response, 400, why);
	correlate(response, carrier->request_ids);
	queue_answer(exchange->peer, NULL, -1, qlm_envelope_to_text(answer));
}

/*
 * A nested response must not carry further requests: returns the error if it
 * does, or NULL.
 */
static const char *
deeper_nesting(const QlmEnvelope *nested)
{
	ListCell   *lc;

	foreach(lc, all_results(nested))
		if (((QlmResult *) lfirst(lc))->nested_error)
			return ((QlmResult *) lfirst(lc))->nested_error;
	return NULL;
}

/* 503 is for want of resources or time: the sender repeats the request. */
static bool
must_come_again(const QlmRequest *response)
{
	ListCell   *lc;

	foreach(lc, response->results)
		if (((QlmResult *) lfirst(lc))->code == 503)
			return true;
	return false;
}

/*
 * After a nested response was executed: returns whether it is to be
 * acknowledged.
 */
static bool
finish_data(QlmExchange *exchange, const QlmResult *carrier, Answers *answers)
{
	const char *error = deeper_nesting(carrier->nested);

	if (error)
		refuse_nested(exchange, carrier, error);
	if (error || !carrier->nested->acknowledge || carrier->request_ids == NIL)
		return false;
	answers->is_stuck = must_come_again(exchange->response);
	return !answers->is_stuck;
}

/*
 * Data keep their order: after some that could not be stored, all that follow
 * have to come again.
 */
static bool
must_wait(const QlmResult *carrier, const Answers *answers)
{
	return answers->is_stuck && is_response(carrier->nested) &&
		carrier->nested->acknowledge;
}

/*
 * hash is what the request is remembered by together with its id, or NULL if
 * it need not be remembered.
 */
static void
execute_nested(QlmExchange *exchange, const QlmResult *carrier, const char *hash,
			   Answers *answers)
{
	const char *callback = take_callback(exchange->peer, carrier->nested);
	const QlmPeer *peer = exchange->peer;
	char	   *answer;

	/* A time of its own, or values without time of two requests would collide. */
	exchange->received_at = GetCurrentTimestamp();
	exchange->request = carrier->nested;
	exchange->answer = qlm_envelope_create(&carrier->nested->dialect, 0);
	exchange->response = qlm_envelope_add_request(exchange->answer, QLM_RESPONSE);
	qlm_exchange_execute_all(exchange);
	if (is_response(carrier->nested) && !finish_data(exchange, carrier, answers))
		return;
	correlate(exchange->response, carrier->request_ids);
	answer = qlm_envelope_to_text(exchange->answer);
	/* Without ids the peer could not tell the answers apart. */
	if (callback || carrier->request_ids == NIL)
		queue_answer(peer, callback, carrier->nested->ttl, answer);
	else
		add_answer(exchange, answers, carrier->nested->ttl, strlen(answer));

	/* A request that was put off must be executed when it comes again. */
	if (hash && !exchange->put_off)
		qlm_executed_remember(peer, linitial(carrier->request_ids), hash, answer);
}

/*
 * Returns the hash of a nested request that must not be executed twice, or
 * NULL.
 */
static char *
hash_of(const QlmResult *carrier)
{
	if (carrier->request_ids == NIL ||
		(!is_response(carrier->nested) && qlm_envelope_is_repeatable(carrier->nested)))
		return NULL;
	return qlm_request_hash(carrier->nested);
}

/*
 * If the request was executed before, queues its answer again and returns
 * true.
 */
static bool
answer_again(QlmExchange *exchange, const QlmResult *carrier, const char *hash)
{
	char	   *answer;

	if (hash == NULL)
		return false;
	answer = qlm_executed_answer(exchange->peer, linitial(carrier->request_ids), hash);
	if (answer == NULL)
		return false;
	queue_answer(exchange->peer, NULL, -1, answer);
	return true;
}

static int
receive_result(QlmExchange *exchange, const QlmResult *result, Answers *answers)
{
	if (result->nested == NULL && result->nested_error == NULL)
		return 0;
	if (!qlm_result_is_success(result))
		refuse_nested(exchange, result, "an error result cannot carry a request");
	else if (result->nested_error)
		refuse_nested(exchange, result, result->nested_error);
	else if (!must_wait(result, answers))
	{
		const char *hash = hash_of(result);

		if (!answer_again(exchange, result, hash))
			execute_nested(exchange, result, hash, answers);
	}
	return 1;
}

/*
 * Returns the answer to the request of this node: the results that carry no
 * nested requests.
 */
static char *
own_answer(const QlmEnvelope *envelope, List *results)
{
	QlmEnvelope *answer;
	ListCell   *lc;
	QlmRequest *response;

	if (results == NIL)
		return NULL;
	answer = qlm_envelope_create(&envelope->dialect, 0);
	answer->dialect.json = false;	/* whoever waits for it reads XML */
	response = qlm_envelope_add_request(answer, QLM_RESPONSE);
	foreach(lc, results)
	{
		QlmResult  *copy = palloc(sizeof(QlmResult));

		*copy = *(QlmResult *) lfirst(lc);
		copy->nested = NULL;
		copy->nested_error = NULL;
		response->results = lappend(response->results, copy);
	}
	return qlm_envelope_to_text(answer);
}

int
qlm_dialog_receive(int peer_id, const char *body, Size len,
				   int *return_code, char **answer, bool store)
{
	QlmJob		job = {0};
	QlmExchange	exchange = {0};
	QlmEnvelope *envelope;
	int			error_code;
	const char *error;
	List	   *results;
	ListCell   *lc;
	int			nested = 0;
	Answers		answers = {0};

	*return_code = 0;
	if (answer)
		*answer = NULL;
	envelope = qlm_envelope_parse(body, len, NULL, &error_code, &error);
	if (error_code != 0)
		return 0;
	results = all_results(envelope);
	if (results != NIL)
		*return_code = ((QlmResult *) linitial(results))->code;

	qlm_storage_begin();
	if (qlm_exchange_begin_for_peer(&exchange, &job, peer_id))
	{
		exchange.request = envelope;
		if (answer)
			*answer = own_answer(envelope, results);
		if (answer && store)
		{
			int			code = qlm_results_store(&exchange, results);

			if (code != 0)
				*return_code = code;
		}
		foreach(lc, results)
		{
			exchange.request = envelope;
			nested += receive_result(&exchange, lfirst(lc), &answers);
		}
		queue_together(exchange.peer, &answers);
	}
	qlm_storage_end();
	return nested;
}
