/*
 * poll_verb.c
 *		The poll (protocol 4.5) of subscriptions, and of answers to forwarded
 *		requests.
 */
#include "postgres.h"

#include "service/exchange/guess.h"
#include "service/forward/remote_subscription.h"
#include "service/forward/stand_in.h"
#include "service/payload/payload.h"
#include "service/subscribe/poll.h"
#include "service/subscribe/subscribe.h"
#include "service/verbs/poll_verb.h"

/* Uses the format that was subscribed, unless the poll names another. */
static void
write_payload(QlmResult *result, const QlmSubscription *subscription,
			  const QlmExchange *exchange, const QlmRequest *request)
{
	QlmDialect	dialect;

	if (request->msgformat == NULL &&
		qlm_dialect_from_text(subscription->dialect, &dialect))
		qlm_payload_write(result, dialect.payload, &exchange->request->dialect);
}

static void
poll_relayed(QlmSubscription *subscription, char *id, const QlmExchange *exchange,
			 const QlmRequest *request, QlmRequest *response)
{
	const char *note;
	List	   *results = qlm_remote_subscription_poll(subscription, &note);
	ListCell   *lc;

	foreach(lc, results)
		write_payload(lfirst(lc), subscription, exchange, request);

	if (results == NIL || note)
	{
		QlmResult  *result = qlm_request_add_result(response, 200, note);

		result->request_ids = list_make1(id);
		result->nodes = list_make1(unconstify(char *, subscription->node));
	}
	response->results = list_concat(response->results, results);
}

/*
 * Polls one requestID. Returns its result, or NULL if results were added
 * already.
 */
static QlmResult *
poll_one(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response, char *id)
{
	QlmSubscription *subscription;
	const char *note;

	if (qlm_guess_ids_are_enough(exchange, &note))
		return qlm_request_add_result(response, 429, note);
	subscription = qlm_subscription_of_caller(exchange, id);
	if (subscription)
		qlm_guess_id_fits(exchange, id);
	if (subscription && subscription->node)
	{
		poll_relayed(subscription, id, exchange, request, response);
		return NULL;
	}
	if (subscription)
	{
		QlmOdf	   *tree = qlm_poll(subscription, &note);
		QlmResult  *result = qlm_request_add_result(response, 200, note);

		result->odf = tree;
		write_payload(result, subscription, exchange, request);
		return result;
	}
	if (qlm_poll_forwarded(exchange, id, response))
	{
		qlm_guess_id_fits(exchange, id);
		return NULL;
	}
	qlm_guess_id_fails(exchange);
	return qlm_request_add_result(response, 404, "there is no such subscription");
}

void
qlm_verb_poll(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	ListCell   *lc;

	foreach(lc, request->request_ids)
	{
		QlmResult  *result = poll_one(exchange, request, response, lfirst(lc));

		if (result)
			result->request_ids = list_make1(lfirst(lc));
	}
}
