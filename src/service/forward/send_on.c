/*
 * send_on.c
 *		Queues the copy of a request that is forwarded to another node
 *		(protocol 8.1).
 */
#include "postgres.h"


#include "message/text/envelope_text.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/hops.h"
#include "service/forward/send_on.h"

int64
qlm_exchange_queue(const QlmExchange *exchange, const QlmRequest *request,
				   QlmOutboxRow *row)
{
	QlmEnvelope *envelope = qlm_envelope_create(&exchange->request->dialect,
												exchange->request->ttl);
	QlmRequest	copy = *request;

	copy.nodes = NIL;
	envelope->hops = qlm_exchange_hops(exchange);
	envelope->requests = list_make1(&copy);
	row->envelope = qlm_envelope_to_text(envelope);
	row->created_at = exchange->received_at;
	return qlm_outbox_add(row);
}

int64
qlm_exchange_send_on(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
					 const char *node)
{
	QlmRequest	copy = *request;
	QlmOutboxRow	row = {0};

	copy.callback = NULL;
	row.peer_id = peer->peer_id;
	row.peer = peer->name;
	row.expires_at = node == NULL && qlm_exchange_holds(exchange) ?
		qlm_exchange_held_until(exchange) : qlm_exchange_answered_until(exchange);
	qlm_row_asked_by_exchange(&row, exchange);
	row.node = node;
	row.awaited_by = exchange->collection;
	exchange->ncollected++;
	return qlm_exchange_queue(exchange, &copy, &row);
}

bool
qlm_exchange_holds(const QlmExchange *exchange)
{
	return exchange->job->may_hold && exchange->collection == 0;
}
