/*
 * keep.c
 *		Answers that wait for something to go with them (Prefer: wait): which
 *		do, and how they are taken up again.
 *
 * What a verb has done is done: only its printed answer is kept, and is parsed
 * again when there is a message to nest in it.  A poll that found nothing has
 * done nothing, so it is simply run again.
 */
#include "postgres.h"

#include <math.h>

#include "utils/timestamp.h"

#include "service/forward/stand_in.h"
#include "service/road/exchange.h"
#include "service/road/job.h"
#include "service/road/request_id.h"
#include "storage/subscription/subscription.h"

bool
qlm_exchange_has_nested(const QlmExchange *exchange)
{
	ListCell   *lc;

	foreach(lc, exchange->response->results)
		if (((const QlmResult *) lfirst(lc))->nested)
			return true;
	return false;
}

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

/* Nothing went wrong, and a poll has brought nothing, be it only a note. */
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

/* When does the next interval of a subscription end? */
static TimestampTz
next_tick(const QlmSubscription *subscription)
{
	double		interval = subscription->interval * USECS_PER_SEC;
	double		passed = GetCurrentTimestamp() - subscription->created_at;

	return subscription->created_at +
		(TimestampTz) rint((floor(passed / interval) + 1) * interval);
}

static void
note_subscription(QlmKept *kept, int64 *ids, const char *text)
{
	QlmSubscription *subscription = qlm_subscription_get(qlm_request_id_parse(text), false);

	if (subscription == NULL)
		return;
	if (subscription->interval > 0 && subscription->node == NULL)
		kept->tick = Min(kept->tick, next_tick(subscription));
	else
		ids[kept->nsubscriptions++] = subscription->request_id;
}

static void
note_subscriptions(QlmKept *kept, const QlmEnvelope *envelope)
{
	int64	   *ids;
	int			n = 0;
	ListCell   *lc;
	ListCell   *ic;

	foreach(lc, envelope->requests)
		n += list_length(((const QlmRequest *) lfirst(lc))->request_ids);
	ids = palloc(Max(n, 1) * sizeof(int64));
	kept->is_poll = true;
	kept->subscriptions = ids;
	foreach(lc, envelope->requests)
		foreach(ic, ((const QlmRequest *) lfirst(lc))->request_ids)
			note_subscription(kept, ids, lfirst(ic));
}

static QlmKept *
make_kept(const QlmExchange *exchange, bool polls)
{
	QlmKept    *kept = palloc0(sizeof(QlmKept));

	kept->tick = DT_NOEND;
	if (polls)
		note_subscriptions(kept, exchange->request);
	kept->by_queue = qlm_exchange_may_carry(exchange);
	kept->peer_id = exchange->peer->peer_id;
	kept->proof = exchange->peer->proof;
	kept->dialect = qlm_dialect_to_text(&exchange->request->dialect);
	kept->answer = exchange->job->answer.data;
	kept->answer_len = exchange->job->answer.len;
	return kept;
}

void
qlm_exchange_keep(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;
	int			npolls;
	bool		polls;

	if (exchange->awaited != NIL)
		qlm_stand_in_hold(exchange);
	if (exchange->awaited != NIL || exchange->merged)
		return;
	if (!job->may_wait || job->status != 200 || exchange->peer == NULL)
		return;
	npolls = count_polls(exchange->request);
	polls = npolls > 0;

	/* Run again, a poll must not take other verbs with it. */
	if (polls ? npolls < list_length(exchange->request->requests) :
		!qlm_exchange_may_carry(exchange))
		return;
	job->waits = true;
	if (can_wait(exchange, polls))
		job->keep = make_kept(exchange, polls);
}

/* Is it still the peer that asked? */
static bool
find_peer(QlmExchange *exchange, QlmJob *job)
{
	const QlmKept *kept = job->kept;

	if (kept->nawaited == 0 && !kept->by_queue)
		return false;
	return qlm_exchange_begin_for_peer(exchange, job, kept->peer_id) &&
		exchange->peer->proof == kept->proof;
}

void
qlm_exchange_resume(QlmExchange *exchange, QlmJob *job)
{
	const QlmKept *kept = job->kept;
	QlmDialect	dialect;
	int			error_code;
	const char *error;

	memset(exchange, 0, sizeof(QlmExchange));
	exchange->job = job;
	exchange->received_at = GetCurrentTimestamp();
	job->status = 200;
	job->waits = kept->nawaited == 0 || job->prefer_wait > 0;
	exchange->done = true;
	exchange->answer = qlm_envelope_parse(kept->answer, kept->answer_len, "UTF-8",
										  &error_code, &error);
	if (!qlm_dialect_from_text(kept->dialect, &dialect))
		dialect = exchange->answer->dialect;
	exchange->answer->dialect = dialect;
	exchange->request = qlm_envelope_create(&dialect, 0);
	if (error_code != 0 || exchange->answer->requests == NIL)
		exchange->response = qlm_envelope_add_request(exchange->answer, QLM_RESPONSE);
	else
	{
		exchange->response = linitial(exchange->answer->requests);
		if (kept->nawaited > 0)
			qlm_stand_in_replace(exchange);
		if (exchange->awaited != NIL || !find_peer(exchange, job))
			exchange->peer = NULL;
	}
}
