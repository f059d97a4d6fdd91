/*
 * piggyback.c
 *		Nests due outbox rows of a peer into the response that it gets
 *		(protocol 7.2 to 7.4).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "message/text/envelope_text.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/road/piggyback.h"
#include "storage/outbox/outbox_nest.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/outbox/outbox_reason.h"
#include "storage/peer/peer_note.h"

/*
 * Peers of the QLM generations take nested requests, and so do peers that
 * acknowledge nested data.  Others must have shown it or be configured so,
 * since some refuse such an envelope as a whole.
 */
bool
qlm_exchange_takes_piggyback(const QlmExchange *exchange)
{
	const QlmPeer *peer = exchange->peer;

	if (peer->piggyback >= 0)
		return peer->piggyback > 0;
	return peer->echoes_ids || peer->takes_nested > 0 || peer->acknowledges ||
		qlm_dialect_is_qlm(&exchange->request->dialect);
}

/*
 * Other peers are tried once, with an answer that they can afford to refuse as
 * a whole: it says only that all went well, and their request may be sent
 * again.
 */
static bool
may_come_again(const QlmRequest *request)
{
	return request->verb == QLM_WRITE || request->verb == QLM_RESPONSE ||
		(request->verb == QLM_READ && request->odf == NULL && request->opaque == NULL &&
		 request->request_ids == NIL && request->nodes == NIL);
}

static bool
says_nothing(const QlmResult *result)
{
	return result->code == 200 && result->description == NULL && result->odf == NULL &&
		result->opaque == NULL && result->request_ids == NIL && result->nested == NULL;
}

static bool
may_try(QlmExchange *exchange)
{
	ListCell   *lc;

	if (exchange->peer->piggyback >= 0 || exchange->peer->tried || exchange->job->on_socket)
		return false;
	foreach(lc, exchange->request->requests)
		if (!may_come_again(lfirst(lc)))
			return false;
	qlm_exchange_read_held(exchange);
	foreach(lc, exchange->response->results)
		if (!says_nothing(lfirst(lc)))
			return false;
	return true;
}

bool
qlm_exchange_may_carry(QlmExchange *exchange)
{
	return qlm_exchange_takes_piggyback(exchange) || may_try(exchange);
}

/*
 * One request at a time, until the peer has shown that its answers can be told
 * apart.
 */
int
qlm_exchange_outstanding_max(const QlmExchange *exchange)
{
	const QlmPeer *peer = exchange->peer;

	return (peer->echoes_ids || peer->piggyback > 0) ? qlm_piggyback_max : 1;
}

QlmEnvelope *
qlm_exchange_outgoing(const QlmExchange *exchange, const QlmOutboxRow *row)
{
	QlmEnvelope *nested = qlm_envelope_from_text(row->envelope);

	if (nested == NULL)
		return NULL;
	nested->dialect = exchange->request->dialect;
	if (exchange->peer->dialect)
		qlm_dialect_from_text(exchange->peer->dialect, &nested->dialect);
	nested->ttl = qlm_ttl_left(row->expires_at);
	nested->authorization = NULL;
	return nested;
}

/* A held answer has the dialect of its request. */
static const QlmDialect *
answer_dialect(const QlmExchange *exchange)
{
	return exchange->answer ? &exchange->answer->dialect : &exchange->request->dialect;
}

/* An empty successful result can carry a request, as in the paper's Fig. 3. */
static QlmResult *
carrying_result(QlmRequest *response)
{
	QlmResult  *last = response->results == NIL ? NULL :
		llast(response->results);

	if (last && last->code == 200 && last->odf == NULL &&
		last->opaque == NULL &&
		last->request_ids == NIL && last->nested == NULL)
		return last;
	return qlm_request_add_result(response, 200, NULL);
}

/*
 * Returns NULL if the text of the row is not an envelope; the row has failed
 * then.
 */
static QlmEnvelope *
nest(const QlmExchange *exchange, const QlmOutboxRow *row)
{
	QlmEnvelope *nested = qlm_exchange_outgoing(exchange, row);

	if (nested == NULL)
		qlm_outbox_fail(row->message_id, "it is not a message");
	else
		nested->acknowledge = row->is_data;
	return nested;
}

static void
attach(QlmExchange *exchange, const QlmOutboxRow *row, QlmEnvelope *nested,
	   const char *text)
{
	QlmResult  *result;

	qlm_exchange_read_held(exchange);
	result = carrying_result(exchange->response);
	result->nested = nested;
	result->nested_text = text;
	result->request_ids = qlm_request_id_list(row->message_id);
}

static bool
has_answers(const QlmEnvelope *envelope)
{
	ListCell   *lc;

	foreach(lc, envelope->requests)
		if (((const QlmRequest *) lfirst(lc))->verb == QLM_RESPONSE)
			return true;
	return false;
}

static List *
claim_for(const QlmExchange *exchange)
{
	QlmNestClaim	claim = {0};

	claim.peer_id = exchange->peer->peer_id;
	claim.max = qlm_piggyback_max;
	claim.outstanding_max = qlm_exchange_outstanding_max(exchange);
	claim.acknowledged = exchange->peer->acknowledges;
	claim.answers = has_answers(exchange->request);
	return qlm_nest_claim(&claim);
}

static void
piggyback_due(QlmExchange *exchange)
{
	Size		size = 0;
	bool		any = false;
	bool		full = false;
	ListCell   *lc;

	foreach(lc, claim_for(exchange))
	{
		QlmOutboxRow *row = lfirst(lc);
		QlmEnvelope *nested = nest(exchange, row);
		const char *text;

		if (nested == NULL)
			continue;
		text = qlm_envelope_to_nested_text(nested, answer_dialect(exchange));
		size += strlen(text);
		/* A row that is larger than the limit still leaves, but alone. */
		full = full || (any && size > qlm_piggyback_max_size);
		if (full)
			qlm_nest_undo(row->message_id);
		else
			attach(exchange, row, nested, text);
		any = true;
	}
}

static void
piggyback_try(QlmExchange *exchange)
{
	QlmNestClaim	claim = {0};
	List	   *rows;
	QlmOutboxRow *row;
	QlmEnvelope *nested;

	claim.peer_id = exchange->peer->peer_id;
	claim.max = claim.outstanding_max = 1;
	claim.requests_only = true;
	rows = qlm_nest_claim(&claim);
	if (rows == NIL)
		return;
	row = linitial(rows);
	nested = nest(exchange, row);
	if (nested == NULL)
		return;
	if (!qlm_peer_try(exchange->peer->peer_id, row->message_id,
					  &exchange->request->dialect))
		qlm_nest_undo(row->message_id);
	else
	{
		attach(exchange, row, nested, NULL);
		qlm_outbox_say(row->message_id,
					   "its peer speaks O-MI: it is tried with this one whether it takes piggy-backed requests");
	}
}

/*
 * If the peer has called again without answering the request that it was tried
 * with, it is noted as not taking nested requests.  The rows that wait then
 * say why.
 */
static void
piggyback_nothing(QlmExchange *exchange)
{
	const QlmPeer *peer = exchange->peer;
	bool		in_vain = peer->piggyback < 0 && peer->tried && peer->takes_nested < 0 &&
		qlm_outbox_is_overdue(peer->tried_with);

	if (in_vain)
		qlm_peer_takes_nested(peer->peer_id, false);
	qlm_outbox_say_why(peer->peer_id, in_vain);
}

void
qlm_exchanges_piggyback(QlmExchange **exchanges, int n)
{
	int		   *peers = palloc(n * sizeof(int));
	bool	   *due = palloc0(n * sizeof(bool));

	for (int i = 0; i < n; i++)
		peers[i] = exchanges[i]->peer->peer_id;
	qlm_nest_due(peers, n, due);
	for (int i = 0; i < n; i++)
	{
		if (!due[i])
			continue;
		if (qlm_exchange_takes_piggyback(exchanges[i]))
			piggyback_due(exchanges[i]);
		else if (may_try(exchanges[i]))
			piggyback_try(exchanges[i]);
		else
			piggyback_nothing(exchanges[i]);
	}
	pfree(peers);
	pfree(due);
}
