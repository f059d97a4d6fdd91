/*
 * exchange.c
 *		A job while it is run: how it begins, and its answer.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "message/text/envelope_text.h"
#include "service/exchange/exchange.h"

void
qlm_exchange_begin(QlmExchange *exchange, QlmJob *job)
{
	memset(exchange, 0, sizeof(QlmExchange));
	exchange->job = job;
	exchange->received_at = GetCurrentTimestamp();
	job->status = 200;
}

bool
qlm_exchange_begin_for_peer(QlmExchange *exchange, QlmJob *job, int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);

	if (peer == NULL || !OidIsValid(peer->role))
		return false;
	exchange->job = job;
	exchange->peer = qlm_peer_copy(peer);
	exchange->role = peer->role;
	exchange->alone = true;
	exchange->received_at = GetCurrentTimestamp();
	return true;
}

void
qlm_exchange_begin_answer(QlmExchange *exchange, const QlmDialect *dialect)
{
	exchange->answer = qlm_envelope_create(dialect, qlm_answer_ttl(dialect));
	exchange->response = qlm_envelope_add_request(exchange->answer, QLM_RESPONSE);
}

void
qlm_exchange_read_held(QlmExchange *exchange)
{
	const QlmHeldAnswer *held = exchange->job->held_answer;
	int			error_code;
	const char *error;

	if (exchange->answer)
		return;
	exchange->answer = qlm_envelope_parse(held->text, held->text_len, "UTF-8",
										  &error_code, &error);
	exchange->answer->dialect = exchange->request->dialect;
	exchange->response = exchange->answer->requests == NIL ?
		qlm_envelope_add_request(exchange->answer, QLM_RESPONSE) :
		linitial(exchange->answer->requests);
}

void
qlm_exchange_refuse(QlmExchange *exchange, int status, int code,
					const char *description)
{
	qlm_request_add_result(exchange->response, code, description);
	exchange->job->status = status;
	exchange->phase = QLM_PHASE_REFUSED;
}

int
qlm_exchange_peer_id(const QlmExchange *exchange)
{
	return exchange->peer ? exchange->peer->peer_id : 0;
}

const char *
qlm_exchange_peer_name(const QlmExchange *exchange)
{
	return exchange->peer ? exchange->peer->name : NULL;
}

bool
qlm_exchange_has_nested(const QlmExchange *exchange)
{
	ListCell   *lc;

	if (exchange->answer == NULL)
		return false;
	foreach(lc, exchange->response->results)
		if (((const QlmResult *) lfirst(lc))->nested)
			return true;
	return false;
}

void
qlm_exchange_print_answer(QlmExchange *exchange)
{
	if (exchange->response->results == NIL)
		qlm_request_add_result(exchange->response, 200, NULL);
	qlm_envelope_print(&exchange->job->answer, exchange->answer);
}
