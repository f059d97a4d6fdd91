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

#include "service/road/call.h"
#include "service/subscribe/subscribe.h"

bool
qlm_call_has_nested(const QlmCall *call)
{
	ListCell   *lc;

	foreach(lc, call->response->results)
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
can_wait(const QlmCall *call, bool polls)
{
	ListCell   *lc;

	foreach(lc, call->response->results)
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
make_kept(const QlmCall *call, bool polls)
{
	QlmKept    *kept = palloc0(sizeof(QlmKept));

	kept->tick = DT_NOEND;
	if (polls)
		note_subscriptions(kept, call->request);
	kept->by_queue = qlm_call_may_carry(call);
	kept->peer_id = call->peer->peer_id;
	kept->proof = call->peer->proof;
	kept->dialect = qlm_dialect_to_text(&call->request->dialect);
	kept->answer = call->exchange->answer.data;
	kept->answer_len = call->exchange->answer.len;
	return kept;
}

void
qlm_call_keep(QlmCall *call)
{
	QlmExchange *exchange = call->exchange;
	int			npolls;
	bool		polls;

	if (call->awaited != NIL)
		qlm_call_keep_awaited(call);
	if (call->awaited != NIL || call->merged)
		return;
	if (!exchange->may_wait || exchange->status != 200 || call->peer == NULL)
		return;
	npolls = count_polls(call->request);
	polls = npolls > 0;

	/* Run again, a poll must not take other verbs with it. */
	if (polls ? npolls < list_length(call->request->requests) :
		!qlm_call_may_carry(call))
		return;
	exchange->waits = true;
	if (can_wait(call, polls))
		exchange->keep = make_kept(call, polls);
}

/* Is it still the peer that asked? */
static bool
find_peer(QlmCall *call, QlmExchange *exchange)
{
	const QlmKept *kept = exchange->kept;

	if (kept->nawaited == 0 && !kept->by_queue)
		return false;
	return qlm_call_begin_for_peer(call, exchange, kept->peer_id) &&
		call->peer->proof == kept->proof;
}

void
qlm_call_resume(QlmCall *call, QlmExchange *exchange)
{
	const QlmKept *kept = exchange->kept;
	QlmDialect	dialect;
	int			error_code;
	const char *error;

	memset(call, 0, sizeof(QlmCall));
	call->exchange = exchange;
	call->received_at = GetCurrentTimestamp();
	exchange->status = 200;
	exchange->waits = kept->nawaited == 0 || exchange->prefer_wait > 0;
	call->done = true;
	call->answer = qlm_envelope_parse(kept->answer, kept->answer_len, "UTF-8",
									  &error_code, &error);
	if (!qlm_dialect_from_text(kept->dialect, &dialect))
		dialect = call->answer->dialect;
	call->answer->dialect = dialect;
	call->request = qlm_envelope_create(&dialect, 0);
	if (error_code != 0 || call->answer->requests == NIL)
		call->response = qlm_envelope_add_request(call->answer, QLM_RESPONSE);
	else
	{
		call->response = linitial(call->answer->requests);
		if (kept->nawaited > 0)
			qlm_call_merge(call);
		if (call->awaited != NIL || !find_peer(call, exchange))
			call->peer = NULL;
	}
}
