/*
 * job_message.c
 *		Envelopes: how one is parsed, and how its answer leaves.
 */
#include "postgres.h"

#include "message/text/envelope_text.h"
#include "service/exchange/guess.h"
#include "service/exchange/standby.h"
#include "service/forward/remote_subscription.h"
#include "service/road/exchange_journal.h"
#include "service/road/held.h"
#include "service/road/identify.h"
#include "service/road/job_message.h"
#include "service/road/repeated_request.h"
#include "storage/write/write.h"

/* Counts the values of an envelope, plus one. */
static int
count_values(const QlmEnvelope *envelope)
{
	int			n = 1;
	ListCell   *lc;
	ListCell   *rc;

	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);

		if (request->odf)
			n += request->odf->nvalues;
		foreach(rc, request->results)
		{
			const QlmResult *result = lfirst(rc);

			if (result->odf)
				n += result->odf->nvalues;
		}
	}
	return n;
}

/* Returns false if the text is not an envelope. */
static bool
parse(QlmExchange *exchange)
{
	const QlmJob *job = exchange->job;
	int			code;
	const char *error;

	exchange->request = qlm_envelope_parse(job->body, job->body_len, job->charset,
										   &code, &error);
	qlm_exchange_begin_answer(exchange, &exchange->request->dialect);
	if (job->form != QLM_ANSWER_AS_ASKED)
		exchange->answer->dialect.json = job->form == QLM_ANSWER_JSON;
	if (job->body_problem)
	{
		code = 400;
		error = job->body_problem;
	}
	if (code == 0)
		return true;
	qlm_exchange_refuse(exchange, code, code, error);
	exchange->phase = QLM_PHASE_UNREADABLE;
	return false;
}

/*
 * An envelope for a callback URL of this node: another node posts the data of
 * a remote subscription.
 */
static void
take_callback(QlmExchange *exchange)
{
	qlm_exchange_refuse_on_standby(exchange);
	if (exchange->phase != QLM_PHASE_BEGUN || qlm_guess_token_waits(exchange))
		return;
	qlm_remote_subscription_receive(exchange, exchange->job->token);
	exchange->phase = QLM_PHASE_EXECUTED;
}

void
qlm_message_begin(QlmExchange *exchange)
{
	if (!parse(exchange))
		return;
	if (exchange->job->token)
	{
		take_callback(exchange);
		return;
	}
	exchange->received_at = qlm_write_receipt(count_values(exchange->request));
	qlm_exchange_identify(exchange);
	qlm_exchange_refuse_on_standby(exchange);
	qlm_exchange_recall(exchange);
}

/*
 * On a WebSocket a response is not acknowledged unless the caller has asked
 * for that: otherwise two nodes would acknowledge each other for ever.  Errors
 * are answered.
 */
static bool
is_unanswered(const QlmExchange *exchange)
{
	ListCell   *lc;

	if (!exchange->job->on_socket || exchange->job->answers_all ||
		exchange->request->requests == NIL)
		return false;
	foreach(lc, exchange->response->results)
		if (((const QlmResult *) lfirst(lc))->code >= 300)
			return false;
	foreach(lc, exchange->request->requests)
		if (((const QlmRequest *) lfirst(lc))->verb != QLM_RESPONSE)
			return false;
	return true;
}

void
qlm_message_finish(QlmExchange *exchange)
{
	qlm_job_begin_answer(exchange->job);
	if (!is_unanswered(exchange) || qlm_exchange_has_nested(exchange))
		qlm_exchange_print_answer(exchange);
	qlm_exchange_hold(exchange);
	qlm_exchange_write_journal(exchange);
}

void
qlm_message_refuse(QlmJob *job, int status, const char *description)
{
	int			error_code;
	const char *error;
	QlmEnvelope *request;
	QlmEnvelope *answer;

	qlm_job_begin_answer(job);
	request = qlm_envelope_parse(job->body, job->body_len, job->charset,
								 &error_code, &error);
	answer = qlm_envelope_create(&request->dialect, qlm_answer_ttl(&request->dialect));
	qlm_request_add_result(qlm_envelope_add_request(answer, QLM_RESPONSE),
						   status, description);
	qlm_envelope_print(&job->answer, answer);
}
