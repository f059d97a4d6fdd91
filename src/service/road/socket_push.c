/*
 * socket_push.c
 *		Prepares outbox rows to be pushed to a peer that is connected by
 *		WebSocket: those that do not need an answer of this node as carrier
 *		(protocol 9.4).
 *
 * A plain request has no number.  So a peer that takes piggy-backed requests
 * is sent a response that does nothing but carry the request.  Any other peer
 * is sent the plain request, and the next one once it has answered.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "message/text/envelope_text.h"
#include "service/exchange/request_id.h"
#include "service/road/piggyback.h"
#include "service/road/socket_push.h"
#include "storage/outbox/outbox_nest.h"

/* Prints the row nested in a response of its own. */
static char *
print_carried(const QlmOutboxRow *row, QlmEnvelope *nested)
{
	QlmEnvelope *carrier = qlm_envelope_create(&nested->dialect,
											   qlm_answer_ttl(&nested->dialect));
	QlmResult  *result = qlm_request_add_result(qlm_envelope_add_request(carrier, QLM_RESPONSE),
												200, NULL);

	result->nested = nested;
	result->request_ids = qlm_request_id_list(row->message_id);
	return qlm_envelope_to_text(carrier);
}

/* Returns NULL if the text of the row is not an envelope. */
static char *
print_row(const QlmExchange *exchange, const QlmOutboxRow *row, bool carried)
{
	QlmEnvelope *envelope;

	if (row->is_response)
		return unconstify(char *, row->envelope);
	envelope = qlm_exchange_outgoing(exchange, row);
	if (envelope == NULL)
		return NULL;
	return carried ? print_carried(row, envelope) : qlm_envelope_to_text(envelope);
}

bool
qlm_push_is_for(const QlmConnected *connected)
{
	const QlmPeer *peer = qlm_peer_by_id(connected->peer_id);

	return peer && OidIsValid(peer->role) && peer->proof == connected->proof;
}

static bool
begin_exchange(QlmExchange *exchange, QlmJob *job, const QlmConnected *connected)
{
	QlmDialect	dialect;

	if (!qlm_exchange_begin_for_peer(exchange, job, connected->peer_id) ||
		exchange->peer->proof != connected->proof)
		return false;
	dialect = qlm_dialect_of(connected->dialect);
	if (exchange->peer->dialect)
		qlm_dialect_from_text(exchange->peer->dialect, &dialect);
	exchange->request = qlm_envelope_create(&dialect, 0);
	return true;
}

List *
qlm_push_queued(const QlmConnected *connected, bool *valid)
{
	QlmJob		job = {0};
	QlmExchange	exchange = {0};
	QlmNestClaim	claim = {0};
	List	   *pushes = NIL;
	List	   *rows;
	bool		carried;
	ListCell   *lc;

	*valid = begin_exchange(&exchange, &job, connected);
	if (!*valid)
		return NIL;
	carried = qlm_exchange_takes_piggyback(&exchange);
	claim.peer_id = exchange.peer->peer_id;
	claim.max = Max(qlm_piggyback_max, 1);
	claim.outstanding_max = carried ? qlm_exchange_outstanding_max(&exchange) : 1;
	rows = qlm_nest_claim(&claim);
	foreach(lc, rows)
	{
		const QlmOutboxRow *row = lfirst(lc);
		char	   *text = print_row(&exchange, row, carried);

		if (text)
		{
			QlmPeerPush *push = palloc(sizeof(QlmPeerPush));

			push->message_id = row->message_id;
			push->text = text;
			pushes = lappend(pushes, push);
		}
		else
			qlm_outbox_fail(row->message_id, "it is not a message");
	}
	return pushes;
}
