/*
 * courier.c
 *		Messages on their way from the outbox: one run for each endpoint, in
 *		which they are posted one after the other, so that order is kept and a
 *		slow or dead endpoint delays no other.
 *
 * A run goes from claim to post to record, and from there to the next post or
 * to its end.  Data for callbacks that were taken are recorded together, many
 * in one transaction.  What a peer has answered is recorded in a transaction
 * of its own: it may hold requests, and the failure of one must hurt no other
 * endpoint.
 *
 * How many runs there may be at once for whom is shares.c's matter.  While
 * others have no room, who has never answered is waited for only briefly.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/settings.h"
#include "process/wake.h"
#include "service/road/dialog.h"
#include "storage/core/catalog.h"
#include "storage/outbox/delivery.h"
#include "storage/outbox/delivery_ended.h"
#include "worker/dispatcher/backlog.h"
#include "worker/dispatcher/courier.h"
#include "worker/dispatcher/rounds.h"
#include "worker/dispatcher/run.h"

#define MAX_MESSAGES	64		/* in one run */
#define RECORD_MS		100		/* what was taken waits so long at most */
#define GIVE_WAY_MS		1000	/* for the first answer while others wait */
#define MAX_DOUBLED		4		/* that, with each failure */
#define CONNECT_PART	3		/* of the time for a stranger's answer */

static QlmHttpClient *client;
static List *runs = NIL;

/* Endpoints that found no room because of others */
static int	nturned_away = 0;

/* Whose answer is being recorded, and to what; NULL: only what has none */
static QlmRun *recording = NULL;
static QlmMessage *recorded = NULL;

/* How many subscriptions had ended when that was looked at last */
static uint64 ended_seen = 0;

/* Leased messages of runs that were given up, to be given back (int64 *) */
static List *to_release = NIL;

void
qlm_courier_init(QlmHttpClient *http_client)
{
	client = http_client;
}

static void
end_run(QlmRun *run)
{
	runs = list_delete_ptr(runs, run);
	if (run->goes_on && run->state == QLM_RUN_RECORDING)
		qlm_backlog_add(run->endpoint);
	if (run->transfer.answer.data)
		pfree(run->transfer.answer.data);
	MemoryContextDelete(run->context);
}

static void
claim_for(const QlmEndpoint *endpoint, const QlmShare *share)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "qlm run",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	QlmRun	   *run = palloc0(sizeof(QlmRun));
	ListCell   *lc;

	run->context = context;
	run->endpoint = qlm_delivery_copy_endpoint(endpoint);
	/* It was found a while ago: what its peer says may be another now. */
	if (qlm_endpoint_look_up(run->endpoint))
		run->messages = qlm_delivery_claim(run->endpoint, MAX_MESSAGES,
										   MAX_MESSAGES * qlm_request_timeout);
	foreach(lc, run->messages)
	{
		QlmMessage *message = lfirst(lc);

		message->envelope = qlm_dialog_outgoing(qlm_endpoint_peer(run->endpoint), message);
	}
	run->state = QLM_RUN_CLAIMED;
	run->share = *share;
	run->goes_on = list_length(run->messages) == MAX_MESSAGES;
	MemoryContextSwitchTo(TopMemoryContext);
	runs = lappend(runs, run);
	MemoryContextSwitchTo(caller);
}

static void
release_later(const List *messages)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	ListCell   *lc;

	foreach(lc, messages)
	{
		int64	   *id = palloc(sizeof(int64));

		*id = ((QlmMessage *) lfirst(lc))->message_id;
		to_release = lappend(to_release, id);
	}
	MemoryContextSwitchTo(caller);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What was claimed beyond what is being posted is given back. */
static void
keep_current(QlmRun *run)
{
	MemoryContext caller;

	if (list_length(run->messages) < 2 ||
		(run->state != QLM_RUN_POSTING && run->state != QLM_RUN_FINISHED))
		return;
	release_later(list_copy_tail(run->messages, 1));
	caller = MemoryContextSwitchTo(run->context);
	run->messages = list_make1(qlm_run_current(run));
	MemoryContextSwitchTo(caller);
}

/*
 * Peers have changed.  What a run has claimed and not posted yet leaves as its
 * peer is now: it is claimed anew, or never where the peer is gone.
 */
static void
review(QlmRun *run)
{
	QlmEndpoint now = *run->endpoint;

	if (list_length(run->messages) < 2 ||
		(run->state != QLM_RUN_POSTING && run->state != QLM_RUN_FINISHED))
		return;
	if (qlm_endpoint_look_up(&now) && now.is_own == run->endpoint->is_own &&
		now.form == run->endpoint->form && now.redirects == run->endpoint->redirects &&
		same_text(now.proxy, run->endpoint->proxy) &&
		same_text(now.authorization, run->endpoint->authorization))
		return;
	keep_current(run);
}

/* Subscriptions have ended.  What is not under way yet leaves no more. */
static void
drop_ended(void)
{
	uint64		ended = qlm_wake_ended();
	MemoryContext caller = CurrentMemoryContext;
	ListCell   *lc;

	foreach(lc, ended == ended_seen ? NIL : runs)
	{
		QlmRun	   *run = lfirst(lc);
		bool		under_way = run->state == QLM_RUN_POSTING || run->state == QLM_RUN_FINISHED;

		MemoryContextSwitchTo(run->context);
		run->messages = qlm_delivery_drop_ended(run->messages, under_way ? 1 : 0, false);
		run->doubts.aside = qlm_delivery_drop_ended(run->doubts.aside, 0, true);
	}
	MemoryContextSwitchTo(caller);
	ended_seen = ended;
}

/* In order, as far as there is room */
static void
claim_all(void)
{
	const QlmEndpoint *endpoint;
	QlmShare	share;
	QlmShare	refused = {0};

	nturned_away = 0;
	qlm_backlog_rewind();
	while (list_length(runs) < qlm_max_transfers &&
		   (endpoint = qlm_backlog_next(&share)) != NULL)
	{
		QlmRoom		room;

		/* Most of what waits in a long line waits for the same. */
		if (refused.server != 0 && share.server == refused.server)
			continue;
		room = qlm_shares_room(&share);
		if (room == QLM_ROOM)
		{
			claim_for(endpoint, &share);
			qlm_shares_take(&share);
			qlm_backlog_remove();
		}
		else if (room == QLM_ROOM_LATER)
			refused = share;
		else
			nturned_away++;
	}
	if (list_length(runs) >= qlm_max_transfers && qlm_backlog_next(&share))
		nturned_away++;
}

void
qlm_courier_hold(void)
{
	ListCell   *lc;

	foreach(lc, runs)
		keep_current(lfirst(lc));
	if (to_release != NIL)
		qlm_delivery_release(to_release);
}

void
qlm_courier_claim(void)
{
	List	   *busy = qlm_rounds_resting();
	ListCell   *lc;

	drop_ended();
	foreach(lc, runs)
		review(lfirst(lc));
	if (to_release != NIL)
		qlm_delivery_release(to_release);
	qlm_shares_begin();
	foreach(lc, runs)
	{
		QlmRun	   *run = lfirst(lc);

		busy = lappend(busy, qlm_endpoint_key(run->endpoint));
		qlm_shares_take(&run->share);
	}
	qlm_backlog_look(busy);
	claim_all();
}

/* What cannot be recorded did not arrive: it is tried again, but not at once. */
static void
fail_recording(void)
{
	QlmTransfer *transfer = &recording->transfer;
	MemoryContext caller = MemoryContextSwitchTo(recording->context);

	recording->messages = lcons(recorded, list_delete_ptr(recording->messages,
														  recorded));
	MemoryContextSwitchTo(caller);
	recording->state = QLM_RUN_FINISHED;
	transfer->status = 0;
	recording->reception = QLM_RECEPTION_LATER;
	recording->doubts.is_over = false;
	strlcpy(recording->why, "what it answered could not be executed",
			sizeof(recording->why));
	recording = NULL;
}

void
qlm_courier_forget_claims(void)
{
	ListCell   *lc;

	qlm_backlog_forget();
	if (recording)
	{
		fail_recording();
		return;
	}
	foreach(lc, list_copy(runs))
	{
		QlmRun	   *run = lfirst(lc);

		if (run->state == QLM_RUN_READY || run->state == QLM_RUN_POSTING ||
			run->state == QLM_RUN_FINISHED)
			continue;
		if (run->state != QLM_RUN_CLAIMED)
		{
			release_later(run->taken);
			release_later(run->doubts.aside);
			release_later(run->messages);
		}
		end_run(run);
	}
}

/* Nobody known has asked for it, and nobody known gets it. */
static bool
is_strangers(const QlmRun *run)
{
	return run->endpoint->peer_id == 0;
}

/* What a peer says holds for its callbacks, too, but not what the setting says. */
static void
choose_proxy(QlmRun *run)
{
	QlmTransfer *transfer = &run->transfer;

	if (run->endpoint->proxy)
	{
		transfer->proxy = run->endpoint->proxy;
		transfer->proxy_for_all = true;
	}
	else if (run->endpoint->is_own || qlm_proxy_callbacks)
		transfer->proxy = pstrdup(qlm_proxy);
}

static void
post(QlmRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	QlmMessage *message = qlm_run_current(run);
	QlmTransfer *transfer = &run->transfer;

	if (transfer->answer.data)
		pfree(transfer->answer.data);
	memset(transfer, 0, sizeof(QlmTransfer));
	transfer->url = run->endpoint->url;
	transfer->body = message->envelope;
	transfer->body_len = strlen(message->envelope);
	transfer->json = message->envelope[0] == '{';
	transfer->form = run->endpoint->form && !transfer->json;
	transfer->authorization = run->endpoint->authorization;
	transfer->timeout_ms = qlm_request_timeout;
	if (is_strangers(run))
	{
		transfer->timeout_ms = Min(qlm_callback_timeout, qlm_request_timeout);
		transfer->connect_ms = transfer->timeout_ms / CONNECT_PART;
	}
	choose_proxy(run);
	transfer->any_address = run->endpoint->is_own;
	transfer->redirects = run->endpoint->redirects;
	transfer->idle_s = run->endpoint->hold;
	transfer->of_peer = run->endpoint->peer_id != 0;
	transfer->owner = run;
	run->state = QLM_RUN_POSTING;
	run->posted_at = GetCurrentTimestamp();
	qlm_http_client_start(client, transfer);
	MemoryContextSwitchTo(caller);
}

void
qlm_courier_start(void)
{
	ListCell   *lc;

	list_free_deep(to_release);
	to_release = NIL;
	recording = NULL;
	foreach(lc, list_copy(runs))
	{
		QlmRun	   *run = lfirst(lc);

		switch (run->state)
		{
			case QLM_RUN_CLAIMED:
			case QLM_RUN_RECORDING:
				if (run->doubts.is_over)
					memset(&run->doubts, 0, sizeof(QlmDoubts));
				if (run->messages == NIL)
					end_run(run);
				else
					run->state = QLM_RUN_READY;
				break;
			case QLM_RUN_ENDING:
				end_run(run);
				break;
			default:
				break;
		}
	}
}

/* What a subscription ends that has just committed is not overtaken. */
void
qlm_courier_post(void)
{
	ListCell   *lc;

	foreach(lc, ended_seen == qlm_wake_ended() ? runs : NIL)
	{
		QlmRun	   *run = lfirst(lc);

		if (run->state != QLM_RUN_READY)
			continue;
		if (run->messages == NIL && run->doubts.aside != NIL)
		{
			run->messages = run->doubts.aside;	/* nothing behind will show */
			memset(&run->doubts, 0, sizeof(QlmDoubts));
		}
		if (run->messages != NIL)
			post(run);
		else
			run->state = QLM_RUN_FINISHED;
	}
}

/* Whoever asked for nothing misses nothing of an answer that is cut. */
static void
judge(QlmRun *run)
{
	const QlmTransfer *transfer = &run->transfer;

	QlmReply	reply = {
		transfer->status, transfer->answer.data, transfer->answer.len, transfer->location,
		.is_peers = run->endpoint->is_own && transfer->error[0] == '\0'
	};

	run->reception = qlm_reception_judge(qlm_run_current(run), &reply, run->why);
	if (reply.is_page && !run->endpoint->is_own)
		qlm_run_note_page(run);
	if (transfer->forbidden)
		run->reception = QLM_RECEPTION_REFUSED;
	else if (transfer->error[0] && run->reception == QLM_RECEPTION_TAKEN &&
			 !qlm_run_current(run)->is_response)
		run->reception = QLM_RECEPTION_LATER;
	if (transfer->error[0])
		strlcpy(run->why, transfer->error, sizeof(run->why));
}

void
qlm_courier_finished(QlmTransfer *transfer)
{
	QlmRun	   *run = transfer->owner;
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	if (!transfer->forbidden)
		qlm_shares_note(&run->share, transfer->status != 0);

	judge(run);

	/* Of a stranger's acknowledgement nothing else matters. */
	if (run->reception == QLM_RECEPTION_TAKEN && qlm_run_current(run)->is_response &&
		!run->endpoint->is_own && run->doubts.aside == NIL)
	{
		if (run->taken == NIL)
			run->taken_since = GetCurrentTimestamp();
		run->taken = lappend(run->taken, qlm_run_current(run));
		run->messages = list_delete_first(run->messages);
		run->state = run->messages != NIL ? QLM_RUN_READY : QLM_RUN_FINISHED;
	}
	else
		run->state = QLM_RUN_FINISHED;
	MemoryContextSwitchTo(caller);
}

/* Until when it is waited for while others wait; DT_NOEND: as long as ever */
static TimestampTz
patience_with(const QlmRun *run)
{
	if (run->state != QLM_RUN_POSTING || run->share.is_peer ||
		qlm_share_is_proven(&run->share))
		return DT_NOEND;
	return TimestampTzPlusMilliseconds(run->posted_at,
									   GIVE_WAY_MS << Min(run->endpoint->failures, MAX_DOUBLED));
}

TimestampTz
qlm_courier_give_way_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	if (nturned_away > 0)
		foreach(lc, runs)
			due = Min(due, patience_with(lfirst(lc)));
	return due;
}

void
qlm_courier_give_way(void)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;

	foreach(lc, runs)
	{
		QlmRun	   *run = lfirst(lc);

		if (nturned_away == 0)
			return;
		if (patience_with(run) > now)
			continue;
		nturned_away--;
		qlm_http_client_cancel(client, &run->transfer);
		run->transfer.status = 0;
		strlcpy(run->transfer.error, "it did not answer while others waited",
				sizeof(run->transfer.error));
		qlm_courier_finished(&run->transfer);
	}
}

TimestampTz
qlm_courier_record_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	foreach(lc, runs)
	{
		QlmRun	   *run = lfirst(lc);

		if (run->state == QLM_RUN_FINISHED)
			return 0;
		if (run->taken != NIL)
			due = Min(due, TimestampTzPlusMilliseconds(run->taken_since, RECORD_MS));
	}
	return due;
}

bool
qlm_courier_has_unrecorded(void)
{
	return qlm_courier_record_due() != DT_NOEND;
}

bool
qlm_courier_to_record(void)
{
	TimestampTz due = qlm_courier_record_due();
	TimestampTz now = GetCurrentTimestamp();

	/* What is further away was noted before the clock was set back. */
	return due != DT_NOEND &&
		(due <= now || due > TimestampTzPlusMilliseconds(now, RECORD_MS));
}

static bool
has_answer(const QlmRun *run)
{
	return run->state == QLM_RUN_FINISHED && run->endpoint->is_own &&
		run->messages != NIL;
}

void
qlm_courier_record(void)
{
	ListCell   *lc;

	foreach(lc, runs)
		if (!has_answer(lfirst(lc)))
			qlm_run_record(lfirst(lc));
}

static QlmRun *
find_answered(void)
{
	ListCell   *lc;

	foreach(lc, runs)
		if (has_answer(lfirst(lc)))
			return lfirst(lc);
	return NULL;
}

bool
qlm_courier_has_answer(void)
{
	return find_answered() != NULL;
}

void
qlm_courier_record_answer(void)
{
	recording = find_answered();
	recorded = qlm_run_current(recording);
	qlm_run_record(recording);
}
