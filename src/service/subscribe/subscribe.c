/*
 * subscribe.c
 *		Makes and cancels subscriptions (protocol 4.1, 4.6, 6.1).
 */
#include "postgres.h"

#include <math.h>

#include "commands/async.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "service/exchange/callback.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/guess.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/payload/payload.h"
#include "service/payload/verb_payload.h"
#include "service/subscribe/subscribe.h"
#include "storage/outbox/connection.h"

/* A shorter interval is raised to this, which the answer mentions. */
#define MIN_INTERVAL 0.1

/*
 * Notifies the channel with the requestID to poll.  Equal notifications of a
 * transaction are sent once.
 */
void
qlm_subscription_notify(const QlmSubscription *subscription)
{
	if (subscription->callback && qlm_is_notify(subscription->callback) &&
		qlm_notify_channel(subscription->callback))
		Async_Notify(qlm_notify_channel(subscription->callback),
					 psprintf(INT64_FORMAT, subscription->request_id));
}

const char *
qlm_subscribe(QlmSubscription *subscription, double ttl)
{
	const char *changed = NULL;

	if (subscription->interval == 0)
		changed = "interval 0 is taken as -1, each new value is an event";
	else if (subscription->interval > 0 && subscription->interval < MIN_INTERVAL)
	{
		subscription->interval = MIN_INTERVAL;
		changed = "interval raised to 0.1";
	}
	subscription->expires_at = qlm_ttl_end(GetCurrentTimestamp(), ttl);
	qlm_subscription_add(subscription);
	return changed;
}

const char *
qlm_dropped_note(int64 dropped, bool by_callback)
{
	return dropped == 0 ? NULL :
		psprintf(INT64_FORMAT " older values were dropped, %s", dropped,
				 by_callback ? "as too many waited or their messages were refused" :
				 "the buffer was full");
}

static int
peer_id_of(const QlmExchange *exchange)
{
	return exchange->peer ? exchange->peer->peer_id : 0;
}

const char *
qlm_exchange_subscription_surplus(const QlmExchange *exchange)
{
	return qlm_subscription_surplus(peer_id_of(exchange), exchange->role,
									exchange->job->from_session);
}

QlmSubscription
qlm_exchange_subscription(QlmExchange *exchange, const QlmRequest *request)
{
	QlmSubscription subscription = {0};
	bool		own_callback = qlm_exchange_is_own_callback(exchange, request->callback);
	QlmDialect	dialect = exchange->request->dialect;

	subscription.role = exchange->role;
	subscription.peer_id = peer_id_of(exchange);
	subscription.peer = exchange->peer ? exchange->peer->name : NULL;
	subscription.callback = own_callback ? exchange->job->connection : request->callback;
	exchange->job->pushes |= own_callback;
	subscription.interval = request->interval;
	if (qlm_payload_is_wanted(request->msgformat))
		dialect.payload = request->msgformat;
	subscription.dialect = qlm_dialect_to_text(&dialect);
	return subscription;
}

void
qlm_verb_subscribe(QlmExchange *exchange, const QlmRequest *request,
				   QlmRequest *response)
{
	QlmSubscription subscription;
	const char *problem;
	const char *changed;
	int			code;
	QlmResult  *result;

	if (!qlm_verb_has_odf(request, response))
		return;
	problem = qlm_exchange_callback_problem(exchange, request->callback,
											exchange->job->from_session, &code);
	if (problem)
	{
		qlm_request_add_result(response, code, problem);
		return;
	}
	problem = qlm_exchange_subscription_surplus(exchange);
	if (problem)
	{
		qlm_request_add_result(response, 429, problem);
		return;
	}
	subscription = qlm_exchange_subscription(exchange, request);
	subscription.ntargets = qlm_payload_leaves(request,
											   &subscription.targets);
	changed = qlm_subscribe(&subscription, exchange->request->ttl);
	result = qlm_request_add_result(response, 200,
									changed ? psprintf("subscription started, %s", changed) :
									"subscription started");
	result->request_ids = qlm_request_id_list(subscription.request_id);
}

/*
 * Does the subscription belong to the caller?  That of a peer belongs to this
 * peer only.  That of a role belongs to all who have its rights.
 */
bool
qlm_subscription_is_callers(const QlmSubscription *subscription,
							const QlmPeer *peer, Oid role, bool from_session)
{
	if (peer)
		return subscription->peer_id == peer->peer_id;
	if (from_session && has_privs_of_role(role, subscription->role))
		return true;
	return subscription->peer_id == 0 && subscription->role == role;
}

/* Is it an anonymous subscription of another WebSocket? */
static bool
is_anothers(const QlmExchange *exchange, const QlmSubscription *subscription)
{
	if (subscription->peer_id || exchange->job->from_session ||
		subscription->callback == NULL || !qlm_is_connection(subscription->callback))
		return false;
	return exchange->job->connection == NULL ||
		strcmp(subscription->callback, exchange->job->connection) != 0;
}

QlmSubscription *
qlm_subscription_of_caller(QlmExchange *exchange, const char *request_id)
{
	QlmSubscription *subscription;

	subscription = qlm_subscription_get(qlm_request_id_parse(request_id), true);
	if (subscription == NULL ||
		!qlm_subscription_is_callers(subscription, exchange->peer, exchange->role,
									 exchange->job->from_session))
		return NULL;
	return is_anothers(exchange, subscription) ? NULL : subscription;
}

void
qlm_verb_cancel(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	ListCell   *lc;

	/*
	 * The result of a successful cancel has no requestID: clients take any
	 * envelope with the requestID of a known subscription for its data.
	 */
	if (request->request_ids == NIL)
		qlm_request_add_result(response, 400, "a cancel needs a requestID");
	foreach(lc, request->request_ids)
	{
		char	   *id = lfirst(lc);
		const char *why;
		bool		enough = qlm_guess_ids_are_enough(exchange, &why);
		QlmSubscription *subscription = enough ? NULL :
			qlm_subscription_of_caller(exchange, id);
		QlmResult  *result;

		if (subscription && qlm_subscription_cancel(subscription->request_id))
		{
			qlm_guess_id_fits(exchange, id);
			qlm_request_add_result(response, 200, NULL);
			continue;
		}
		result = qlm_request_add_result(response, enough ? 429 : 404, enough ? why :
										"there is no such subscription");
		result->request_ids = list_make1(id);
		if (!enough)
			qlm_guess_id_fails(exchange);
	}
}
