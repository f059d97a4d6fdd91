/*
 * events.c
 *		Hands out new values to their subscriptions: into poll buffers, and as
 *		outbox rows for callbacks (protocol 4.3, 4.4).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/url.h"
#include "message/text/envelope_text.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/error_code.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/payload/payload.h"
#include "service/subscribe/events.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/answer_size.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/function/format.h"
#include "storage/outbox/connection.h"
#include "storage/peer/quota.h"
#include "storage/select/select_event.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/subscription_buffer.h"
#include "storage/subscription/subscription_events.h"
#include "storage/subscription/subscription_session.h"
#include "storage/subscription/subscription_visible.h"

#define QUEUED_AT_ONCE	256

/* The new values for one subscription */
typedef struct Delivery
{
	QlmMatch   *match;
	bool		by_url;			/* false: into the poll buffer */
	QlmDialect	dialect;		/* if by_url */
	QlmOdf	   *odf;			/* the data; NULL: none are visible */
	QlmResult  *result;			/* the data in the format that was subscribed */
} Delivery;

/* The data last read for a role, which the next subscription may want, too */
typedef struct Shown
{
	Oid			role;
	int			nevents;
	QlmEvent   *events;			/* NULL: none yet */
	QlmOdf	   *odf;			/* NULL: none are visible */
} Shown;

/* Writes the data in their format.  This may run a user's function. */
static void
make_result(Delivery *delivery)
{
	delivery->result = palloc0(sizeof(QlmResult));
	delivery->result->code = 200;
	delivery->result->odf = delivery->odf;
	qlm_payload_write(delivery->result, delivery->dialect.payload,
					  &delivery->dialect);
}

/* Reads the data with the rights of the subscription's role. */
static void
prepare_delivery(Delivery *delivery)
{
	QlmMatch   *match = delivery->match;
	Oid			role = match->subscription->role;
	QlmRights	saved;
	Size		outer;

	match->nevents = qlm_subscription_visible(match->subscription, match->events,
											  match->nevents, !delivery->by_url);
	if (match->nevents == 0 || !delivery->by_url)
		return;
	outer = qlm_answer_size_begin();
	qlm_rights_become_subscriber(role, &saved);
	delivery->odf = qlm_select_events(match->events, match->nevents);
	if (delivery->odf)
		make_result(delivery);
	qlm_rights_restore(&saved);
	qlm_answer_size_set(outer);
}

/*
 * Errors that the subscriber may know are sent in place of the values: that
 * they are too large, or that their format cannot be written.  Returns false
 * for others.
 */
static bool
make_refusal(Delivery *delivery, const ErrorData *error)
{
	const char *why;
	int			code;

	if (!delivery->by_url ||
		(error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED && delivery->odf == NULL))
		return false;
	code = qlm_error_code(error, &why);
	delivery->result = palloc0(sizeof(QlmResult));
	delivery->result->code = code;
	delivery->result->description = why;
	delivery->odf = NULL;
	return true;
}

/* Errors that are not the subscriber's fault fail the write. */
static bool
must_reach_writer(const ErrorData *error)
{
	return !qlm_error_is_said(error) &&
		(qlm_error_must_leave(error) ||
		 qlm_sqlstate_is_shortage(error->sqlerrcode, error->filename));
}

/*
 * An error in a policy or in the function of a format must not fail the write:
 * then the subscriber gets no values.
 */
static void
prepare_guarded(Delivery *delivery)
{
	Size		outer = qlm_answer_size_get();

	QLM_SUBTRANSACTION_TRY();
	{
		prepare_delivery(delivery);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (must_reach_writer(error))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("qlm subscription " INT64_FORMAT " missed new values: %s",
						delivery->match->subscription->request_id,
						error->message)));
		qlm_answer_size_set(outer);
		if (!make_refusal(delivery, error))
		{
			delivery->odf = NULL;
			delivery->match->nevents = 0;
		}
	}
	QLM_SUBTRANSACTION_END();
}

static bool
is_shown(const Shown *shown, const QlmMatch *match)
{
	if (shown->events == NULL || shown->role != match->subscription->role ||
		shown->nevents != match->nevents)
		return false;
	for (int i = 0; i < match->nevents; i++)
		if (shown->events[i].info_item_id != match->events[i].info_item_id ||
			shown->events[i].ts != match->events[i].ts)
			return false;
	return true;
}

/*
 * The same for callbacks.  Many subscriptions of a role may want the same
 * values.  These are read once, unless they depend on the names by which nodes
 * were subscribed.
 */
static void
prepare_shown(Delivery *delivery, Shown *shown)
{
	QlmMatch   *match = delivery->match;
	Size		size = match->nevents * sizeof(QlmEvent);

	if (!qlm_payload_is_odf(delivery->dialect.payload) ||
		qlm_subscription_by_alias(match->events, match->nevents))
	{
		prepare_guarded(delivery);
		return;
	}
	if (!is_shown(shown, match))
	{
		if (shown->events)
			pfree(shown->events);
		shown->role = match->subscription->role;
		shown->nevents = match->nevents;
		shown->events = MemoryContextAllocHuge(CurrentMemoryContext, size);
		memcpy(shown->events, match->events, size);
		prepare_guarded(delivery);
		shown->odf = delivery->odf;
		if (delivery->odf == NULL && delivery->result)
			shown->events = NULL;	/* the next subscription gets the error, too */
		return;
	}
	delivery->odf = shown->odf;
	if (shown->odf)
		make_result(delivery);
	else
		match->nevents = 0;
}

/* Prints the envelope for a callback (protocol 4.4). */
static char *
print_callback(const QlmSubscription *subscription, const Delivery *delivery,
			   int64 dropped)
{
	QlmEnvelope *envelope;
	QlmResult  *result = delivery->result;

	envelope = qlm_envelope_create(&delivery->dialect,
								   qlm_ttl_left(subscription->expires_at));
	qlm_envelope_add_request(envelope, QLM_RESPONSE)->results = list_make1(result);
	if (result->odf)
		result->description = qlm_dropped_note(dropped, true);
	result->request_ids = qlm_request_id_list(subscription->request_id);
	return qlm_envelope_to_text(envelope);
}

static void
fill_row(QlmOutboxRow *row, const Delivery *delivery, bool some_dropped)
{
	const QlmSubscription *subscription = delivery->match->subscription;
	TimestampTz now = GetCurrentTimestamp();

	qlm_callback_row(row, subscription->callback, subscription->peer_id,
					 subscription->peer);
	qlm_row_asked_by(row, subscription->role, subscription->peer_id,
					 subscription->peer);
	if (some_dropped)
		row->dropped = qlm_dropped_take(subscription->request_id);
	row->envelope = print_callback(subscription, delivery, row->dropped);
	row->subscription_id = subscription->request_id;
	row->created_at = now;
	row->expires_at = qlm_kept_until(now, subscription->expires_at);
}

/* Queues some rows at a time, which bounds the memory for their texts. */
static void
queue_callbacks(const Delivery *deliveries, int n)
{
	QlmOutboxRow	rows[QUEUED_AT_ONCE];
	int64		ids[QUEUED_AT_ONCE];
	bool		some[QUEUED_AT_ONCE];

	for (int done = 0; done < n; done += QUEUED_AT_ONCE)
	{
		int			size = Min(n - done, QUEUED_AT_ONCE);

		for (int i = 0; i < size; i++)
			ids[i] = deliveries[done + i].match->subscription->request_id;
		qlm_dropped_any(ids, size, some);
		for (int i = 0; i < size; i++)
			fill_row(&rows[i], &deliveries[done + i], some[i]);
		qlm_outbox_add_data(rows, size);
		for (int i = 0; i < size; i++)
			pfree(unconstify(char *, rows[i].envelope));
	}
}

/*
 * Rows for connections are limited elsewhere, and leave soon.  Subscriptions
 * that qlm_admin has made in SQL are not limited.
 */
static bool
has_room(const QlmSubscription *subscription)
{
	return qlm_is_connection(subscription->callback) ||
		qlm_quota_take_event(subscription->peer_id, subscription->role) ||
		!qlm_is_limited(subscription->role, subscription->peer_id == 0);
}

/*
 * Moves deliveries within the quota to the front and returns their number.
 * The others are counted as dropped.
 */
static int
keep_within_quota(Delivery *deliveries, int n)
{
	int64	   *dropped = palloc(n * sizeof(int64));
	int			ndropped = 0;
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		const QlmSubscription *subscription = deliveries[i].match->subscription;

		if (has_room(subscription))
			deliveries[kept++] = deliveries[i];
		else
			dropped[ndropped++] = subscription->request_id;
	}
	qlm_dropped_add(dropped, ndropped);
	pfree(dropped);
	return kept;
}

/* Can it not fail for the subscriber, so that no subtransaction is needed? */
static bool
is_harmless(const Delivery *delivery)
{
	return !delivery->by_url &&
		!qlm_subscription_by_alias(delivery->match->events, delivery->match->nevents) &&
		!qlm_subscription_is_filtered(delivery->match->subscription->role);
}

/* How the values are delivered */
typedef enum Way
{
	WAY_NONE,
	WAY_BUFFER,
	WAY_CALLBACK
} Way;

static Way
deliver(Delivery *delivery, Shown *shown)
{
	const QlmSubscription *subscription = delivery->match->subscription;

	delivery->by_url = subscription->callback &&
		(qlm_url_is_callback(subscription->callback, NULL, NULL) ||
		 qlm_is_connection(subscription->callback));
	if (delivery->by_url)
		delivery->dialect = qlm_dialect_of(subscription->dialect);
	if (is_harmless(delivery))
		prepare_delivery(delivery);
	else if (!delivery->by_url)
		prepare_guarded(delivery);
	else
		prepare_shown(delivery, shown);
	if (delivery->match->nevents == 0)
		return WAY_NONE;
	if (delivery->by_url)
		return delivery->result ? WAY_CALLBACK : WAY_NONE;
	qlm_subscription_notify(subscription);
	return WAY_BUFFER;
}

static void
deliver_all(QlmMatch *matches, int n)
{
	QlmMatch  **buffered = palloc(n * sizeof(QlmMatch *));
	Delivery   *called = palloc0(n * sizeof(Delivery));
	int			nbuffered = 0;
	int			ncalled = 0;
	Shown		shown = {0};

	for (int i = 0; i < n; i++)
	{
		Delivery	delivery = {&matches[i]};
		Way			way = deliver(&delivery, &shown);

		if (way == WAY_BUFFER)
			buffered[nbuffered++] = &matches[i];
		else if (way == WAY_CALLBACK)
			called[ncalled++] = delivery;
	}
	qlm_subscription_buffer(buffered, nbuffered);
	queue_callbacks(called, keep_within_quota(called, ncalled));
}

void
qlm_events_hand_out(QlmMatch *matches, int n)
{
	bool		outer = qlm_format_serve_subscribers(true);

	PG_TRY();
	{
		deliver_all(matches, n);
	}
	PG_FINALLY();
	{
		(void) qlm_format_serve_subscribers(outer);
	}
	PG_END_TRY();
}

void
qlm_events_of_connected(int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);
	QlmMatch   *matches;
	int			n;

	if (peer == NULL || peer->npaths == 0 || !qlm_subscription_any_first())
		return;
	n = qlm_subscription_match_owner(peer, &matches);
	if (n > 0)
		qlm_events_hand_out(matches, n);
}
