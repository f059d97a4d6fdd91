/*
 * relay_answer.c
 *		Subscriptions at other nodes: what the nodes answer to the subscription
 *		and to polls, and when they are polled.  The dispatcher's part.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "service/forward/relay.h"
#include "service/forward/relay_node.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/catalog.h"
#include "storage/core/subtransaction.h"

static bool
is_success(const QlmResult *result)
{
	return result->code >= 200 && result->code < 300;
}

static List *
one_result(int code, const char *description)
{
	QlmRequest	response = {0};

	qlm_request_add_result(&response, code, description);
	return response.results;
}

/* The number that the node gave: not that of our request; NULL: none */
static const char *
number_given(List *results, int64 message_id)
{
	const QlmResult *first = linitial(results);
	ListCell   *lc;

	foreach(lc, first->request_ids)
		if (qlm_request_id_parse(lfirst(lc)) != message_id &&
			strlen(lfirst(lc)) <= QLM_MAX_REMOTE_ID)
			return lfirst(lc);
	return NULL;
}

/* It never began, or is over: the subscriber is told, where there is one. */
static void
give_up(const QlmForwarding *forwarding, const QlmSubscription *subscription,
		List *results)
{
	qlm_forwarding_remove(forwarding->request_id);
	if (subscription)
		qlm_relay_deliver(subscription, results, true);
}

/*
 * A node that has given this number to an earlier subscription has started anew
 * and forgotten that: what it has under the number now is none of the earlier
 * one's, neither to be polled nor to be cancelled for it.
 */
static void
end_forgotten(const QlmForwarding *forwarding)
{
	ListCell   *lc;

	foreach(lc, qlm_forwarding_others(forwarding))
	{
		int64		request_id = *(int64 *) lfirst(lc);
		const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
		const QlmForwarding *other = qlm_forwarding_get(request_id);

		if (other == NULL)
			continue;
		qlm_forwarding_recall(request_id, true);
		give_up(other, subscription,
				one_result(404, "the node has forgotten this subscription: another one has its requestID there"));
	}
}

/* The node's answer to the subscription */
static void
take_up_begin(QlmForwarding *forwarding, const QlmSubscription *subscription,
			  const QlmAwaitedMessage *message)
{
	List	   *results = qlm_relay_parse(message->outcome.answer);
	const char *number;

	if (results == NIL || strcmp(message->outcome.state, "answered") != 0)
	{
		give_up(forwarding, subscription,
				one_result(504, message->outcome.error ? message->outcome.error :
						   "the node gave no answer that could be read"));
		return;
	}
	if (!is_success(linitial(results)))
	{
		give_up(forwarding, subscription, results);
		return;
	}
	number = number_given(results, message->message_id);
	if (number == NULL && forwarding->token == NULL)
	{
		give_up(forwarding, subscription,
				one_result(504, "the node gave no requestID by which it could be polled"));
		return;
	}
	forwarding->remote_id = number ? number : "";
	if (number)
		end_forgotten(forwarding);
	if (forwarding->ended || subscription == NULL)
		qlm_relay_cancel(forwarding, qlm_dialect_to_text(qlm_dialect_default()), DT_NOEND);
	else
		qlm_forwarding_began(forwarding, forwarding->token == NULL);
}

static bool
is_gone_there(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		const QlmResult *result = lfirst(lc);

		if (result->code != 404 || result->odf)
			return false;
	}
	return results != NIL;
}

/* The node's answer to a poll; errors but the one that it is gone may pass. */
static void
take_up_poll(const QlmForwarding *forwarding, const QlmSubscription *subscription,
			 const QlmAwaitedMessage *message)
{
	List	   *results = strcmp(message->outcome.state, "answered") == 0 ?
		qlm_relay_parse(message->outcome.answer) : NIL;
	List	   *good = NIL;
	ListCell   *lc;

	if (subscription == NULL)
		return;
	if (is_gone_there(results))
	{
		give_up(forwarding, subscription, results);
		return;
	}
	foreach(lc, results)
		if (is_success(lfirst(lc)) || ((QlmResult *) lfirst(lc))->odf)
			good = lappend(good, lfirst(lc));
	qlm_relay_deliver(subscription, good, false);
	qlm_forwarding_poll_after(forwarding);
}

static void
take_up(int64 request_id)
{
	const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
	QlmForwarding *forwarding = qlm_forwarding_get(request_id);
	ListCell   *lc;

	foreach(lc, qlm_outbox_awaited(request_id))
	{
		const QlmAwaitedMessage *message = lfirst(lc);

		if (!message->outcome.final)
			continue;
		qlm_outbox_told(request_id, message->message_id);
		if (forwarding == NULL)
			continue;
		if (forwarding->remote_id == NULL)
			take_up_begin(forwarding, subscription, message);
		else
			take_up_poll(forwarding, subscription, message);
	}
}

static void
poll(int64 request_id)
{
	const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
	const QlmForwarding *forwarding = qlm_forwarding_get(request_id);

	qlm_forwarding_polling(request_id);
	if (subscription && forwarding && qlm_relay_is_known(forwarding))
		qlm_relay_ask(forwarding, QLM_READ, subscription->dialect,
					  subscription->node, subscription->expires_at);
}

/* One that cannot be served must not keep the others from it. */
static void
guarded(void (*work) (int64 request_id), int64 request_id)
{
	QlmSubtransaction subtransaction;

	qlm_subtransaction_begin(&subtransaction);
	PG_TRY();
	{
		work(request_id);
		qlm_subtransaction_commit(&subtransaction);
	}
	PG_CATCH();
	{
		ErrorData  *error = qlm_subtransaction_catch(&subtransaction);

		if (qlm_error_must_leave(error) && !qlm_error_is_said(error))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("qlm could not serve the forwarded subscription " INT64_FORMAT ": %s",
						request_id, error->message)));
		qlm_outbox_told(request_id, 0);
		qlm_forwarding_polling(request_id);
	}
	PG_END_TRY();
}

int
qlm_relay_work(int max)
{
	List	   *told;
	List	   *due;
	ListCell   *lc;

	qlm_storage_begin();
	told = qlm_forwarding_told(max);
	foreach(lc, told)
		guarded(take_up, *(int64 *) lfirst(lc));
	due = qlm_forwarding_due(max);
	foreach(lc, due)
		guarded(poll, *(int64 *) lfirst(lc));
	qlm_storage_end();
	return list_length(told) + list_length(due);
}
