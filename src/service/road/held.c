/*
 * held.c
 *		Decides which answers are held, and for what: until there is something
 *		to nest (Prefer: wait), or until other nodes have answered.
 *
 * What a verb has done is committed: only the answer is held, as the text that
 * leaves if nothing comes.  That is its smallest form, and thousands may be
 * held.  A poll that found nothing has changed nothing, so it is run again
 * instead.
 */
#include "postgres.h"

#include <math.h>

#include "utils/timestamp.h"

#include "service/exchange/hops.h"
#include "service/exchange/request_id.h"
#include "service/road/held.h"
#include "service/road/piggyback.h"
#include "storage/subscription/subscription.h"

static bool
is_poll(const QlmRequest *request)
{
	return request->verb == QLM_READ && request->request_ids != NIL &&
		request->callback == NULL && request->nodes == NIL;
}

static int
count_polls(const QlmEnvelope *envelope)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, envelope->requests)
		n += is_poll(lfirst(lc));
	return n;
}

/* Has all gone well and, for a poll, is there no data or note to return? */
static bool
can_wait(const QlmExchange *exchange, bool polls)
{
	ListCell   *lc;

	foreach(lc, exchange->response->results)
	{
		const QlmResult *result = lfirst(lc);

		if (result->nested || result->code < 200 || result->code >= 300)
			return false;
		if (polls && (result->description ||
					  (result->odf ? result->odf->nvalues > 0 : result->opaque != NULL)))
			return false;
	}
	return true;
}

/* Returns the end of the current interval of a subscription. */
static TimestampTz
next_tick(const QlmSubscription *subscription)
{
	double		interval = subscription->interval * USECS_PER_SEC;
	double		passed = GetCurrentTimestamp() - subscription->created_at;

	return subscription->created_at +
		(TimestampTz) rint((floor(passed / interval) + 1) * interval);
}

static void
note_subscription(QlmHeldAnswer *held, int64 *ids, const char *text)
{
	QlmSubscription *subscription = qlm_subscription_get(qlm_request_id_parse(text), false);

	if (subscription == NULL)
		return;
	if (subscription->interval > 0 && subscription->node == NULL)
		held->tick = Min(held->tick, next_tick(subscription));
	else
		ids[held->nsubscriptions++] = subscription->request_id;
}

static void
note_subscriptions(QlmHeldAnswer *held, const QlmEnvelope *envelope)
{
	int64	   *ids;
	int			n = 0;
	ListCell   *lc;
	ListCell   *ic;

	foreach(lc, envelope->requests)
		n += list_length(((const QlmRequest *) lfirst(lc))->request_ids);
	ids = palloc(Max(n, 1) * sizeof(int64));
	held->is_poll = true;
	held->subscriptions = ids;
	foreach(lc, envelope->requests)
		foreach(ic, ((const QlmRequest *) lfirst(lc))->request_ids)
			note_subscription(held, ids, lfirst(ic));
}

static QlmHeldAnswer *
make_held(const QlmExchange *exchange)
{
	const QlmJob *job = exchange->job;
	QlmHeldAnswer *held = palloc0(sizeof(QlmHeldAnswer));

	held->tick = DT_NOEND;
	if (exchange->peer)
	{
		held->peer_id = exchange->peer->peer_id;
		held->proof = exchange->peer->proof;
	}
	held->dialect = qlm_dialect_to_text(&exchange->request->dialect);
	held->text = job->answer.data;
	held->text_len = job->answer.len;
	return held;
}

/* Holds the answer until other nodes have answered. */
static void
hold_for_nodes(QlmExchange *exchange)
{
	QlmHeldAnswer *held = make_held(exchange);
	QlmStandIn *awaited = palloc(list_length(exchange->awaited) * sizeof(QlmStandIn));
	ListCell   *lc;

	foreach(lc, exchange->awaited)
		awaited[held->nawaited++] = *(QlmStandIn *) lfirst(lc);
	held->awaited = awaited;
	held->until = qlm_exchange_held_until(exchange);
	exchange->job->answer_to_hold = held;
}

void
qlm_exchange_hold(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;
	int			npolls = count_polls(exchange->request);
	bool		polls = npolls > 0;

	if (exchange->awaited != NIL)
	{
		hold_for_nodes(exchange);
		return;
	}
	if (!job->may_wait || job->status != 200 || exchange->peer == NULL)
		return;

	/* A poll is run again with its whole envelope, so it must be alone there. */
	if (polls ? npolls < list_length(exchange->request->requests) :
		!qlm_exchange_may_carry(exchange))
		return;
	job->waits = true;
	if (!can_wait(exchange, polls))
		return;
	job->answer_to_hold = make_held(exchange);
	job->answer_to_hold->by_queue = qlm_exchange_may_carry(exchange);
	if (polls)
		note_subscriptions(job->answer_to_hold, exchange->request);
}

void
qlm_exchange_hold_on(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;

	if (job->held_answer->nawaited == 0 &&
		(!job->may_wait || exchange->peer == NULL || !qlm_exchange_may_carry(exchange)))
		return;
	job->answer_to_hold = palloc(sizeof(QlmHeldAnswer));
	*job->answer_to_hold = *job->held_answer;
}
