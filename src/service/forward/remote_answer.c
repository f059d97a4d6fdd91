/*
 * remote_answer.c
 *		Subscriptions at other nodes: what the nodes answer to the subscription
 *		and to polls, and when they are polled.  The dispatcher's part.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "service/forward/remote_node.h"
#include "service/forward/remote_subscription.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/plan.h"
#include "storage/core/subtransaction.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/subscription/remote.h"
#include "storage/subscription/subscription.h"

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
give_up(const QlmRemote *remote, const QlmSubscription *subscription,
		List *results)
{
	qlm_remote_remove(remote->request_id);
	if (subscription)
		qlm_remote_subscription_give(subscription, results, true);
}

/*
 * A node that has given this number to an earlier subscription has started anew
 * and forgotten that: what it has under the number now is none of the earlier
 * one's, neither to be polled nor to be cancelled for it.
 */
static void
end_forgotten(const QlmRemote *remote)
{
	ListCell   *lc;

	foreach(lc, qlm_remote_others(remote))
	{
		int64		request_id = *(int64 *) lfirst(lc);
		const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
		const QlmRemote *other = qlm_remote_get(request_id);

		if (other == NULL)
			continue;
		qlm_remote_recall(request_id, true);
		give_up(other, subscription,
				one_result(404, "the node has forgotten this subscription: another one has its requestID there"));
	}
}

/* The node's answer to the subscription */
static void
take_up_begin(QlmRemote *remote, const QlmSubscription *subscription,
			  const QlmAwaitedRow *message)
{
	List	   *results = qlm_remote_subscription_parse(message->outcome.answer);
	const char *number;

	if (results == NIL || strcmp(message->outcome.state, "answered") != 0)
	{
		give_up(remote, subscription,
				one_result(504, message->outcome.error ? message->outcome.error :
						   "the node gave no answer that could be read"));
		return;
	}
	if (!is_success(linitial(results)))
	{
		give_up(remote, subscription, results);
		return;
	}
	number = number_given(results, message->message_id);
	if (number == NULL && remote->token == NULL)
	{
		give_up(remote, subscription,
				one_result(504, "the node gave no requestID by which it could be polled"));
		return;
	}
	remote->remote_id = number ? number : "";
	if (number)
		end_forgotten(remote);
	if (remote->ended || subscription == NULL)
		qlm_remote_subscription_cancel(remote, qlm_dialect_to_text(qlm_dialect_default()), DT_NOEND);
	else
		qlm_remote_began(remote, remote->token == NULL);
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
take_up_poll(const QlmRemote *remote, const QlmSubscription *subscription,
			 const QlmAwaitedRow *message)
{
	List	   *results = strcmp(message->outcome.state, "answered") == 0 ?
		qlm_remote_subscription_parse(message->outcome.answer) : NIL;
	List	   *good = NIL;
	ListCell   *lc;

	if (subscription == NULL)
		return;
	if (is_gone_there(results))
	{
		give_up(remote, subscription, results);
		return;
	}
	foreach(lc, results)
		if (is_success(lfirst(lc)) || ((QlmResult *) lfirst(lc))->odf)
			good = lappend(good, lfirst(lc));
	qlm_remote_subscription_give(subscription, good, false);
	qlm_remote_poll_after(remote);
}

static void
take_up(int64 request_id)
{
	const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
	QlmRemote *remote = qlm_remote_get(request_id);
	ListCell   *lc;

	foreach(lc, qlm_outbox_awaited(request_id))
	{
		const QlmAwaitedRow *message = lfirst(lc);

		if (!message->outcome.final)
			continue;
		qlm_outbox_told(request_id, message->message_id);
		if (remote == NULL)
			continue;
		if (remote->remote_id == NULL)
			take_up_begin(remote, subscription, message);
		else
			take_up_poll(remote, subscription, message);
	}
}

static void
poll(int64 request_id)
{
	const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
	const QlmRemote *remote = qlm_remote_get(request_id);

	qlm_remote_polling(request_id);
	if (subscription && remote && qlm_remote_subscription_is_known(remote))
		qlm_remote_subscription_ask(remote, QLM_READ, subscription->dialect,
									subscription->node, subscription->expires_at);
}

/* One that cannot be served must not keep the others from it. */
static void
guarded(void (*work) (int64 request_id), int64 request_id)
{

	QLM_SUBTRANSACTION_TRY();
	{
		work(request_id);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (qlm_error_must_leave(error) && !qlm_error_is_said(error))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("qlm could not serve the forwarded subscription " INT64_FORMAT ": %s",
						request_id, error->message)));
		qlm_outbox_told(request_id, 0);
		qlm_remote_polling(request_id);
	}
	QLM_SUBTRANSACTION_END();
}

int
qlm_remote_subscription_work(int max)
{
	List	   *told;
	List	   *due;
	ListCell   *lc;

	qlm_storage_begin();
	told = qlm_remote_told(max);
	foreach(lc, told)
		guarded(take_up, *(int64 *) lfirst(lc));
	due = qlm_remote_due(max);
	foreach(lc, due)
		guarded(poll, *(int64 *) lfirst(lc));
	qlm_storage_end();
	return list_length(told) + list_length(due);
}
