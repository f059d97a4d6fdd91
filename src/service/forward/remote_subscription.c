/*
 * remote_subscription.c
 *		Remote subscriptions: made at other nodes for a caller, who knows them
 *		by a requestID of this node (protocol 8.3).
 *
 * If qlm.url is set the other node delivers to a callback URL of this node
 * with a secret token.  Otherwise it is polled.  The data go to the
 * subscriber's callback, or into a buffer for its poll.  They are not stored
 * in the tables of this node.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "base/url.h"
#include "message/text/envelope_text.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/guess.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/forward/remote_subscription.h"
#include "service/forward/send_on.h"
#include "service/payload/payload.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/acl.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox_ended.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/remote.h"

#define TOKEN_BYTES		16
#define MIN_POLL		1.0		/* seconds */

static char *
new_token(void)
{
	unsigned char random[TOKEN_BYTES];
	char	   *token = palloc(2 * TOKEN_BYTES + 1);

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	for (int i = 0; i < TOKEN_BYTES; i++)
		sprintf(token + 2 * i, "%02x", random[i]);
	return token;
}

static char *
callback_url(const char *token)
{
	int			len = strlen(qlm_url);

	while (len > 0 && qlm_url[len - 1] == '/')
		len--;
	return psprintf("%.*s/callback/%s", len, qlm_url, token);
}

static double
poll_seconds(const QlmSubscription *subscription)
{
	return subscription->interval > 0 ? Max(subscription->interval, MIN_POLL) :
		Max(qlm_retry_delay / 1000.0, 0.1);
}

static void
send_subscription(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
				  const QlmSubscription *subscription)
{
	QlmRemote remote = {0};
	QlmRequest	copy = *request;
	QlmOutboxRow	row = {0};

	remote.request_id = subscription->request_id;
	remote.peer_id = peer->peer_id;
	remote.peer = peer->name;
	remote.token = qlm_url && *qlm_url ? new_token() : NULL;
	remote.poll_seconds = poll_seconds(subscription);
	qlm_remote_add(&remote);
	copy.interval = subscription->interval;
	copy.callback = remote.token ? callback_url(remote.token) : NULL;
	row.peer_id = peer->peer_id;
	row.peer = peer->name;
	row.node = subscription->node;
	row.expires_at = subscription->expires_at;
	row.awaited_by = subscription->request_id;
	row.asker_role = exchange->role;
	row.asker_peer_id = subscription->peer_id;
	row.asker_peer = subscription->peer;
	qlm_exchange_queue(exchange, &copy, &row);
}

void
qlm_remote_subscription_begin(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
							  const char *node, QlmRequest *response)
{
	QlmSubscription subscription;
	QlmResult  *result;
	const char *problem;
	const char *changed;

	problem = qlm_exchange_subscription_surplus(exchange);
	if (problem == NULL && !qlm_exchange_may_queue(exchange, peer->peer_id))
		problem = qlm_queue_surplus();
	if (problem)
	{
		result = qlm_request_add_result(response, 429, problem);
		result->nodes = list_make1(unconstify(char *, node));
		return;
	}
	subscription = qlm_exchange_subscription(exchange, request);
	subscription.node = node;
	changed = qlm_subscribe(&subscription, exchange->request->ttl);
	send_subscription(exchange, request, peer, &subscription);
	result = qlm_request_add_result(response, 200,
									changed ? psprintf("subscription sent on, %s", changed) :
									"subscription sent on");
	result->request_ids = qlm_request_id_list(subscription.request_id);
	result->nodes = list_make1(unconstify(char *, node));
}

static bool
says_something(const QlmResult *result)
{
	return result->code < 200 || result->code >= 300 || result->opaque ||
		result->description || (result->odf && result->odf->nvalues > 0);
}

/*
 * Returns the results as the subscriber gets them; NIL if they contain
 * nothing.
 */
static List *
results_for(const QlmSubscription *subscription, List *results)
{
	List	   *own = NIL;
	char	   *id = psprintf(INT64_FORMAT, subscription->request_id);
	ListCell   *lc;

	foreach(lc, results)
	{
		QlmResult  *result = palloc(sizeof(QlmResult));

		*result = *(QlmResult *) lfirst(lc);
		if (result->code == 0)
			result->code = 500;
		if (!says_something(result))
			continue;
		result->request_ids = list_make1(id);
		result->nodes = list_make1(unconstify(char *, subscription->node));
		result->nested = NULL;
		result->nested_error = NULL;
		own = lappend(own, result);
	}
	return own;
}

/*
 * Prints results: for the callback in the dialect that was asked for, to be
 * kept as XML.
 */
static char *
print_results(const QlmSubscription *subscription, List *results, bool keep)
{
	QlmDialect	dialect;
	QlmEnvelope *envelope;

	dialect = qlm_dialect_of(subscription->dialect);
	if (keep)
		dialect.json = false;
	envelope = qlm_envelope_create(&dialect,
								   qlm_ttl_left(subscription->expires_at));
	qlm_envelope_add_request(envelope, QLM_RESPONSE)->results = results;
	return qlm_envelope_to_text(envelope);
}

/* Writes O-DF of the node in the format that was subscribed. */
static void
write_payloads(const QlmSubscription *subscription, List *results)
{
	QlmDialect	dialect;
	QlmRights	saved;
	ListCell   *lc;

	if (!qlm_dialect_from_text(subscription->dialect, &dialect))
		return;
	qlm_rights_become_reader(subscription->role, &saved);
	foreach(lc, results)
		qlm_payload_write_guarded(lfirst(lc), dialect.payload, &dialect);
	qlm_rights_restore(&saved);
}

static void
queue_callback(const QlmSubscription *subscription, List *results)
{
	QlmOutboxRow row;
	QlmResult  *first = linitial(results);

	qlm_callback_row(&row, subscription->callback, subscription->peer_id,
					 subscription->peer);
	row.dropped = qlm_dropped_take(subscription->request_id);
	if (first->description == NULL)
		first->description = qlm_dropped_note(row.dropped, true);
	write_payloads(subscription, results);
	row.envelope = print_results(subscription, results, false);
	row.subscription_id = subscription->request_id;
	row.created_at = GetCurrentTimestamp();
	row.expires_at = qlm_kept_until(row.created_at,
									subscription->expires_at);
	qlm_outbox_add(&row);
}

/* May the subscriber's role still read values? */
static bool
may_have(const QlmSubscription *subscription)
{
	QlmRights	saved;
	bool		may;

	if (!OidIsValid(subscription->role))
		return false;
	qlm_rights_become_reader(subscription->role, &saved);
	may = qlm_acl_may_select(QLM_REL_VALUE);
	qlm_rights_restore(&saved);
	return may;
}

static void
give(const QlmSubscription *subscription, List *results, bool final)
{
	results = may_have(subscription) ? results_for(subscription, results) : NIL;
	if (subscription->callback &&
		(qlm_url_is_callback(subscription->callback, NULL, NULL) ||
		 qlm_is_connection(subscription->callback)))
	{
		if (results != NIL)
			queue_callback(subscription, results);
		if (final)
		{
			/* The other node has ended it, but rows for the callback still leave. */
			qlm_outbox_detach(subscription->request_id);
			qlm_subscription_cancel(subscription->request_id);
		}
	}
	else if (results != NIL)
	{
		qlm_remote_buffer(subscription->request_id,
						  print_results(subscription, results, true), final);
		qlm_subscription_notify(subscription);
	}
}

static void
deliver_by_id(int64 request_id, List *results)
{
	QlmSubscription *subscription = qlm_subscription_get(request_id, true);

	if (subscription)
		give(subscription, results, false);
}

void
qlm_remote_subscription_receive(QlmExchange *exchange, const char *token)
{
	const QlmRemote *remote = qlm_remote_by_token(token);
	ListCell   *lc;

	if (remote == NULL)
	{
		qlm_request_add_result(exchange->response, 404, "there is no such subscription");
		qlm_guess_token_fails(exchange);
		return;
	}
	foreach(lc, exchange->request->requests)
	{
		const QlmRequest *request = lfirst(lc);

		if (request->verb != QLM_RESPONSE || request->error_code != 0)
			qlm_request_add_result(exchange->response, 400,
								   request->error ? request->error :
								   "only responses are taken here");
		else
		{
			deliver_by_id(remote->request_id, request->results);
			qlm_request_add_result(exchange->response, 200, NULL);
		}
	}
}

List *
qlm_remote_subscription_results(int peer_id, List *results)
{
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);
		const QlmRemote *remote = result->request_ids == NIL ? NULL :
			qlm_remote_by_remote_id(peer_id, linitial(result->request_ids));

		if (remote)
			deliver_by_id(remote->request_id, list_make1(result));
		else
			others = lappend(others, result);
	}
	return others;
}

static List *
parse_results(const char *text)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope;

	if (text == NULL)
		return NIL;
	envelope = qlm_envelope_parse(text, strlen(text), "UTF-8", &error_code, &error);
	return error_code != 0 || envelope->requests == NIL ? NIL :
		((QlmRequest *) linitial(envelope->requests))->results;
}

List *
qlm_remote_subscription_poll(QlmSubscription *subscription, const char **note)
{
	List	   *results = NIL;
	bool		final;
	ListCell   *lc;

	foreach(lc, qlm_remote_take(subscription->request_id, &final))
		results = list_concat(results, parse_results(lfirst(lc)));
	*note = qlm_dropped_note(subscription->dropped, false);
	if (final)
		qlm_subscription_cancel(subscription->request_id);
	else
		qlm_subscription_polled(subscription, subscription->polled_at);
	return results;
}

static void
ask_about(const QlmRemote *remote, QlmVerb verb,
		  const char *dialect_text, const char *node, TimestampTz expires_at)
{
	QlmDialect	dialect;
	QlmEnvelope *envelope;
	QlmOutboxRow	row = {0};
	const QlmPeer *peer = qlm_peer_copy(qlm_peer_by_id(remote->peer_id));

	if (peer == NULL)
		return;
	dialect = qlm_dialect_of(dialect_text);
	envelope = qlm_envelope_create(&dialect, -1);
	qlm_envelope_add_request(envelope, verb)->request_ids =
		list_make1(unconstify(char *, remote->remote_id));
	row.peer_id = peer->peer_id;
	row.peer = peer->name;
	row.node = node;
	row.envelope = qlm_envelope_to_text(envelope);
	row.expires_at = expires_at;
	row.awaited_by = verb == QLM_READ ? remote->request_id : 0;
	qlm_outbox_add(&row);
}

static bool
is_known_there(const QlmRemote *remote)
{
	return remote->remote_id && remote->remote_id[0] != '\0';
}

static void
cancel_there(const QlmRemote *remote, const char *dialect,
			 TimestampTz expires_at)
{
	if (is_known_there(remote))
		ask_about(remote, QLM_CANCEL, dialect, "",
				  qlm_kept_until(GetCurrentTimestamp(), expires_at));
	qlm_remote_remove(remote->request_id);
}

void
qlm_remote_subscription_end(int64 request_id, const char *dialect, TimestampTz expires_at)
{
	const QlmRemote *remote = qlm_remote_get(request_id);
	bool		is_over = expires_at <= GetCurrentTimestamp();

	if (remote == NULL)
		return;
	if (remote->remote_id || is_over)
	{
		qlm_remote_recall(request_id, true);
		if (is_over)
			qlm_remote_remove(request_id);
		else
			cancel_there(remote, dialect, expires_at);
	}
	else if (qlm_remote_recall(request_id, false) > 0)
		qlm_remote_remove(request_id);
	else
		qlm_remote_end_later(request_id);
}

static List *
one_result(int code, const char *description)
{
	QlmRequest	response = {0};

	qlm_request_add_result(&response, code, description);
	return response.results;
}

/*
 * Returns the requestID that the node gave to the subscription, which differs
 * from that of the request; NULL if none.
 */
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

/*
 * The subscription was refused or has ended: removes it, and informs the
 * subscriber, if there is one.
 */
static void
give_up(const QlmRemote *remote, const QlmSubscription *subscription,
		List *results)
{
	qlm_remote_remove(remote->request_id);
	if (subscription)
		give(subscription, results, true);
}

/*
 * The node has given this requestID before.  So it was restarted and has
 * forgotten the earlier subscriptions of this requestID: these end here, and
 * must be neither polled nor cancelled there.
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

/* Processes the node's answer to the subscription. */
static void
take_up_begin(QlmRemote *remote, const QlmSubscription *subscription,
			  const QlmAwaitedRow *row)
{
	List	   *results = parse_results(row->outcome.answer);
	const char *number;

	if (results == NIL || strcmp(row->outcome.state, "answered") != 0)
	{
		give_up(remote, subscription,
				one_result(504, row->outcome.error ? row->outcome.error :
						   "the node gave no answer that could be read"));
		return;
	}
	if (!qlm_result_is_success(linitial(results)))
	{
		give_up(remote, subscription, results);
		return;
	}
	number = number_given(results, row->message_id);
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
		cancel_there(remote, qlm_dialect_to_text(qlm_dialect_default()), DT_NOEND);
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

/*
 * Processes the node's answer to a poll.  Errors may be temporary, unless they
 * say that the subscription is gone.
 */
static void
take_up_poll(const QlmRemote *remote, const QlmSubscription *subscription,
			 const QlmAwaitedRow *row)
{
	List	   *results = strcmp(row->outcome.state, "answered") == 0 ?
		parse_results(row->outcome.answer) : NIL;
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
		if (qlm_result_is_success(lfirst(lc)) || ((QlmResult *) lfirst(lc))->odf)
			good = lappend(good, lfirst(lc));
	give(subscription, good, false);
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
		const QlmAwaitedRow *row = lfirst(lc);

		if (!row->outcome.final)
			continue;
		qlm_outbox_told(request_id, row->message_id);
		if (remote == NULL)
			continue;
		if (remote->remote_id == NULL)
			take_up_begin(remote, subscription, row);
		else
			take_up_poll(remote, subscription, row);
	}
}

static void
poll(int64 request_id)
{
	const QlmSubscription *subscription = qlm_subscription_get(request_id, true);
	const QlmRemote *remote = qlm_remote_get(request_id);

	qlm_remote_polling(request_id);
	if (subscription && remote && is_known_there(remote))
		ask_about(remote, QLM_READ, subscription->dialect,
				  subscription->node, subscription->expires_at);
}

/* An error for one subscription must not affect the others. */
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
