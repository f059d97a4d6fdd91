/*
 * heartbeat.c
 *		Heartbeats: calls to peers that have something for this node but cannot
 *		call it.
 *
 * Each call asks the peer to hold it until there is something (Prefer: wait),
 * for as long as the connection allows (heartbeat_hold.c). If the answer
 * brought requests the next call follows at once, since there may be more.
 * After very many rounds there is a short rest, so that one dialog cannot take
 * all of the dispatcher's time.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/client_settings.h"
#include "base/limits.h"
#include "service/exchange/delivery_result.h"
#include "service/road/dialog.h"
#include "storage/outbox/heartbeat_peer.h"
#include "worker/dispatcher/heartbeat.h"
#include "worker/dispatcher/heartbeat_hold.h"
#include "worker/dispatcher/rounds.h"
#include "worker/dispatcher/way.h"

#define REST_MS			20		/* after very many rounds */
#define HELD_SECONDS	30		/* at most: calls are held without pause */

typedef struct Beat
{
	QlmHeartbeat peer;			/* copies */
	bool		wanted;
	bool		calling;
	bool		finished;		/* the answer is to be recorded */
	TimestampTz started_at;
	TimestampTz next_at;
	int			rounds;
	int			failures;
	StringInfoData body;
	QlmTransfer transfer;
	QlmHeartbeatHold held;
} Beat;

static QlmHttpClient *client;
static List *beats = NIL;

void
qlm_heartbeats_init(QlmHttpClient *http_client)
{
	client = http_client;
}

static Beat *
find_beat(int peer_id)
{
	ListCell   *lc;

	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (beat->peer.peer_id == peer_id)
			return beat;
	}
	return NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
same_peer(const QlmHeartbeat *a, const QlmHeartbeat *b)
{
	return same_text(a->url, b->url) && same_text(a->dialect, b->dialect) &&
		same_text(a->authorization, b->authorization) &&
		same_text(a->proxy, b->proxy) && a->redirects == b->redirects &&
		a->proxy_for_all == b->proxy_for_all &&
		a->form == b->form && a->seconds == b->seconds;
}

/* before is the previous Beat of the peer, or NULL. */
static Beat *
make_beat(const QlmHeartbeat *peer, const Beat *before)
{
	Beat	   *beat = palloc0(sizeof(Beat));

	beat->peer.peer_id = peer->peer_id;
	beat->peer.url = pstrdup(peer->url);
	beat->peer.dialect = peer->dialect ? pstrdup(peer->dialect) : NULL;
	beat->peer.authorization = peer->authorization ?
		pstrdup(peer->authorization) : NULL;
	beat->peer.proxy = peer->proxy ? pstrdup(peer->proxy) : NULL;
	beat->peer.proxy_for_all = peer->proxy_for_all;
	beat->peer.redirects = peer->redirects;
	beat->peer.form = peer->form;
	beat->peer.seconds = peer->seconds;
	initStringInfo(&beat->body);
	qlm_dialog_heartbeat(&beat->body, peer->dialect);
	qlm_heartbeat_hold_init(&beat->held, peer, before == NULL ||
							(same_text(before->peer.url, peer->url) &&
							 same_text(before->peer.proxy, peer->proxy)));
	return beat;
}

static void
free_text(char *text)
{
	if (text)
		pfree(text);
}

static void
drop_beat(Beat *beat)
{
	if (beat->calling)
		qlm_http_client_cancel(client, &beat->transfer);
	free_text(beat->peer.url);
	free_text(beat->peer.dialect);
	free_text(beat->peer.authorization);
	free_text(beat->peer.proxy);
	free_text(beat->body.data);
	free_text(beat->transfer.answer.data);
	pfree(beat);
}

void
qlm_heartbeats_update(List *heartbeats)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	ListCell   *lc;

	foreach(lc, beats)
		((Beat *) lfirst(lc))->wanted = false;
	foreach(lc, heartbeats)
	{
		QlmHeartbeat *peer = lfirst(lc);
		Beat	   *beat = find_beat(peer->peer_id);

		if (peer->proxy == NULL)
			peer->proxy = qlm_proxy;
		if (beat && beat->finished)
			beat->wanted = true;
		else if (beat && same_peer(&beat->peer, peer))
			beat->wanted = true;
		else
		{
			beat = make_beat(peer, beat);
			beat->wanted = true;
			beats = lcons(beat, beats);
		}
	}
	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (!beat->wanted && !beat->finished)
		{
			beats = foreach_delete_current(beats, lc);
			drop_beat(beat);
		}
	}
	MemoryContextSwitchTo(caller);
}

static void
call_peer(Beat *beat)
{
	QlmTransfer *transfer = &beat->transfer;

	free_text(transfer->answer.data);
	memset(transfer, 0, sizeof(QlmTransfer));
	transfer->url = beat->peer.url;
	transfer->body = beat->body.data;
	transfer->body_len = beat->body.len;
	transfer->json = beat->body.len > 0 && beat->body.data[0] == '{';
	transfer->form = beat->peer.form;
	transfer->authorization = beat->peer.authorization;
	qlm_heartbeat_hold_begin(&beat->held, transfer);
	transfer->proxy = beat->peer.proxy;
	transfer->proxy_for_all = beat->peer.proxy_for_all;
	transfer->redirects = beat->peer.redirects;
	transfer->any_address = true;
	transfer->harmless = true;
	transfer->of_peer = true;
	beat->calling = true;
	beat->started_at = GetCurrentTimestamp();
	qlm_http_client_start(client, transfer);
}

/*
 * The latest time for which a call is planned; a later one was set before the
 * clock was set back.
 */
static TimestampTz
latest_call(const Beat *beat, TimestampTz now)
{
	double		delay = Max(beat->peer.seconds * 1000, 1.25 * qlm_retry_max_delay);

	return now + (TimestampTz) (delay * 1000);
}

static bool
is_due(const Beat *beat, TimestampTz now)
{
	return beat->next_at <= now || beat->next_at > latest_call(beat, now);
}

void
qlm_heartbeats_start(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;

	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (!beat->calling && !beat->finished && is_due(beat, now))
			call_peer(beat);
	}
	MemoryContextSwitchTo(caller);
}

TimestampTz
qlm_heartbeats_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (!beat->calling)
			due = Min(due, beat->next_at);
	}
	return due;
}

static Beat *
beat_of(const QlmTransfer *transfer)
{
	ListCell   *lc;

	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (&beat->transfer == transfer)
			return beat;
	}
	return NULL;
}

bool
qlm_heartbeats_own(const QlmTransfer *transfer)
{
	return beat_of(transfer) != NULL;
}

void
qlm_heartbeats_finished(QlmTransfer *transfer)
{
	Beat	   *beat = beat_of(transfer);

	qlm_heartbeat_hold_end(&beat->held);
	beat->calling = false;
	beat->finished = true;
}

bool
qlm_heartbeats_to_record(void)
{
	ListCell   *lc;

	foreach(lc, beats)
		if (((Beat *) lfirst(lc))->finished)
			return true;
	return false;
}

/* The delay doubles with each failure. */
static TimestampTz
next_try(const Beat *beat)
{
	double		delay = qlm_retry_delay * pow(2, Min(beat->failures, 20) - 1);

	delay = Min(delay, qlm_retry_max_delay);
	delay *= 0.75 + 0.5 * pg_prng_double(&pg_global_prng_state);
	/* A Retry-After of the peer counts, up to the longest delay. */
	delay = Max(delay, Min(beat->transfer.retry_after * 1000.0, qlm_retry_max_delay));
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) delay);
}

static TimestampTz
next_call(Beat *beat, int nested)
{
	beat->rounds = nested > 0 ? beat->rounds + 1 : 0;
	if (nested > 0 && beat->rounds < QLM_MAX_ROUNDS)
		return 0;
	beat->rounds = 0;
	if (nested > 0)
		return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), REST_MS);
	if (beat->peer.seconds <= HELD_SECONDS && qlm_heartbeat_hold_took(&beat->held, &beat->transfer))
		return 0;
	return beat->started_at + (TimestampTz) (beat->peer.seconds * USECS_PER_SEC);
}

static void
record_success(Beat *beat)
{
	int			return_code;
	int			nested = qlm_dialog_receive(beat->peer.peer_id,
											beat->transfer.answer.data,
											beat->transfer.answer.len,
											&return_code, NULL, false);

	qlm_heartbeat_hold_answered(&beat->held, beat->peer.peer_id);
	qlm_heartbeat_peer_done(beat->peer.peer_id, NULL);
	beat->failures = 0;
	beat->next_at = next_call(beat, nested);
}

static void
record_failure(Beat *beat, const char *why)
{
	beat->rounds = 0;
	qlm_heartbeat_peer_done(beat->peer.peer_id, why);
}

/*
 * The held call ended without an answer, which is not a failure: the peer is
 * called again at once.
 */
static bool
record_cut(Beat *beat)
{
	char		by[QLM_MAX_DELIVERY_WHY];

	if (!qlm_heartbeat_hold_was_cut(&beat->held, &beat->transfer, by, sizeof(by)))
		return false;
	qlm_heartbeat_hold_note_cut(&beat->held, beat->peer.peer_id, by);
	beat->failures--;
	beat->rounds = 0;
	beat->next_at = 0;
	return true;
}

static void
record_beat(Beat *beat)
{
	const QlmTransfer *transfer = &beat->transfer;
	char		why[QLM_MAX_DELIVERY_WHY];
	QlmDeliveryAnswer answer = {
		transfer->status, transfer->answer.data, transfer->answer.len, transfer->location,
		.is_peers = true
	};
	QlmDeliveryResult delivery = qlm_delivery_judge(NULL, &answer, why);

	/*
	 * The call is over even if this transaction fails.  In that case the peer
	 * must not be called again at once.
	 */
	beat->finished = false;
	beat->failures++;
	beat->next_at = transfer->stale && beat->failures == 1 ? 0 : next_try(beat);
	qlm_way_note(beat->peer.peer_id, transfer, transfer->error[0] ? transfer->error :
				 delivery != QLM_DELIVERY_TAKEN ? why : NULL);
	if (record_cut(beat))
		return;
	if (transfer->error[0])
		record_failure(beat, transfer->error);
	else if (delivery == QLM_DELIVERY_TAKEN)
		record_success(beat);
	else
		record_failure(beat, why);
}

/* One transaction for each peer, so that an error affects no other. */
void
qlm_heartbeats_record(void)
{
	ListCell   *lc;

	foreach(lc, beats)
	{
		Beat	   *beat = lfirst(lc);

		if (beat->finished)
		{
			record_beat(beat);
			return;
		}
	}
}
