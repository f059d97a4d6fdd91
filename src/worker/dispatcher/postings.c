/*
 * postings.c
 *		Outbox rows on their way: one posting for each endpoint, whose rows are
 *		posted one after the other.  So their order is kept, and a slow or dead
 *		endpoint delays no other.
 *
 * A posting is claimed, posted and recorded, and goes on to its next row until
 * it ends.  Data taken by callbacks are recorded together, many in one
 * transaction.  The answer of a peer is recorded in a transaction of its own:
 * it may contain requests, whose failure must not affect other endpoints.
 *
 * shares.c limits how many postings there are at once, and for whom.  While
 * others find no room, an endpoint that has never answered is waited for only
 * briefly.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/client_settings.h"
#include "base/server_settings.h"
#include "process/wake.h"
#include "service/road/dialog.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/lease.h"
#include "storage/outbox/outbox.h"
#include "worker/dispatcher/backlog.h"
#include "worker/dispatcher/posting.h"
#include "worker/dispatcher/postings.h"
#include "worker/dispatcher/rounds.h"

#define MAX_ROWS		64		/* in one posting */
#define RECORD_MS		100		/* until taken rows are recorded, at most */
#define GIVE_WAY_MS		1000	/* for the first answer while others wait */
#define MAX_DOUBLED		4		/* failures that double GIVE_WAY_MS */
#define CONNECT_PART	3		/* part of qlm.callback_timeout */

static QlmHttpClient *client;
static List *postings = NIL;

/* Endpoints that found no room because of others */
static int	nturned_away = 0;

/*
 * The posting whose answer is being recorded, and its row; NULL while rows
 * without an answer are recorded
 */
static QlmPosting *recording = NULL;
static QlmOutboxRow *recorded = NULL;

/* The number of ended subscriptions at the last look */
static uint64 ended_seen = 0;

/*
 * Leased rows of postings that were given up; their leases are to be released
 * (int64 *)
 */
static List *to_release = NIL;

void
qlm_postings_init(QlmHttpClient *http_client)
{
	client = http_client;
}

static void
end_posting(QlmPosting *posting)
{
	postings = list_delete_ptr(postings, posting);
	if (posting->goes_on && posting->state == QLM_POSTING_RECORDING)
		qlm_backlog_add(posting->endpoint);
	if (posting->transfer.answer.data)
		pfree(posting->transfer.answer.data);
	MemoryContextDelete(posting->context);
}

static void
claim_for(const QlmEndpoint *endpoint, const QlmShare *share)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "qlm posting",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	QlmPosting	   *posting = palloc0(sizeof(QlmPosting));
	ListCell   *lc;

	posting->context = context;
	posting->endpoint = qlm_endpoint_copy(endpoint);
	/* It was found a while ago: the settings of its peer may have changed. */
	if (qlm_endpoint_look_up(posting->endpoint))
		posting->rows = qlm_lease_begin(posting->endpoint, MAX_ROWS,
										MAX_ROWS * qlm_request_timeout);
	foreach(lc, posting->rows)
	{
		QlmOutboxRow *row = lfirst(lc);

		row->envelope = qlm_dialog_outgoing(qlm_endpoint_peer(posting->endpoint), row);
	}
	posting->state = QLM_POSTING_LEASED;
	posting->share = *share;
	posting->goes_on = list_length(posting->rows) == MAX_ROWS;
	MemoryContextSwitchTo(TopMemoryContext);
	postings = lappend(postings, posting);
	MemoryContextSwitchTo(caller);
}

static void
release_later(const List *rows)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	ListCell   *lc;

	foreach(lc, rows)
	{
		int64	   *id = palloc(sizeof(int64));

		*id = ((QlmOutboxRow *) lfirst(lc))->message_id;
		to_release = lappend(to_release, id);
	}
	MemoryContextSwitchTo(caller);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Releases the leases of all rows but the one that is being posted. */
static void
keep_current(QlmPosting *posting)
{
	MemoryContext caller;

	if (list_length(posting->rows) < 2 ||
		(posting->state != QLM_POSTING_UNDER_WAY && posting->state != QLM_POSTING_FINISHED))
		return;
	release_later(list_copy_tail(posting->rows, 1));
	caller = MemoryContextSwitchTo(posting->context);
	posting->rows = list_make1(qlm_posting_current(posting));
	MemoryContextSwitchTo(caller);
}

/*
 * Peers have changed.  If that concerns this endpoint, the leases of rows not
 * posted yet are released: they are claimed again with the new settings, or
 * not at all if the peer is gone.
 */
static void
review(QlmPosting *posting)
{
	QlmEndpoint now = *posting->endpoint;

	if (list_length(posting->rows) < 2 ||
		(posting->state != QLM_POSTING_UNDER_WAY && posting->state != QLM_POSTING_FINISHED))
		return;
	if (qlm_endpoint_look_up(&now) && now.is_own == posting->endpoint->is_own &&
		now.form == posting->endpoint->form && now.redirects == posting->endpoint->redirects &&
		same_text(now.proxy, posting->endpoint->proxy) &&
		same_text(now.authorization, posting->endpoint->authorization))
		return;
	keep_current(posting);
}

/* Subscriptions have ended: their rows that are not under way are dropped. */
static void
drop_ended(void)
{
	uint64		ended = qlm_wake_ended();
	MemoryContext caller = CurrentMemoryContext;
	ListCell   *lc;

	foreach(lc, ended == ended_seen ? NIL : postings)
	{
		QlmPosting	   *posting = lfirst(lc);
		bool		under_way = posting->state == QLM_POSTING_UNDER_WAY || posting->state == QLM_POSTING_FINISHED;

		MemoryContextSwitchTo(posting->context);
		posting->rows = qlm_lease_drop_ended(posting->rows, under_way ? 1 : 0, false);
		posting->doubts.aside = qlm_lease_drop_ended(posting->doubts.aside, 0, true);
	}
	MemoryContextSwitchTo(caller);
	ended_seen = ended;
}

/* Claims endpoints in the order of the backlog, as far as there is room. */
static void
claim_all(void)
{
	const QlmEndpoint *endpoint;
	QlmShare	share;
	QlmShare	refused = {0};

	nturned_away = 0;
	qlm_backlog_rewind();
	while (list_length(postings) < qlm_max_transfers &&
		   (endpoint = qlm_backlog_next(&share)) != NULL)
	{
		QlmRoom		room;

		/* In a long backlog most endpoints wait for the same server. */
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
	if (list_length(postings) >= qlm_max_transfers && qlm_backlog_next(&share))
		nturned_away++;
}

void
qlm_postings_hold(void)
{
	ListCell   *lc;

	foreach(lc, postings)
		keep_current(lfirst(lc));
	if (to_release != NIL)
		qlm_lease_release(to_release);
}

void
qlm_postings_lease(void)
{
	List	   *busy = qlm_rounds_resting();
	ListCell   *lc;

	drop_ended();
	foreach(lc, postings)
		review(lfirst(lc));
	if (to_release != NIL)
		qlm_lease_release(to_release);
	qlm_shares_begin();
	foreach(lc, postings)
	{
		QlmPosting	   *posting = lfirst(lc);

		busy = lappend(busy, qlm_endpoint_key(posting->endpoint));
		qlm_shares_take(&posting->share);
	}
	qlm_backlog_look(busy);
	claim_all();
}

/*
 * A row whose answer could not be recorded counts as not delivered.  It is
 * tried again after a pause.
 */
static void
fail_recording(void)
{
	QlmTransfer *transfer = &recording->transfer;
	MemoryContext caller = MemoryContextSwitchTo(recording->context);

	recording->rows = lcons(recorded, list_delete_ptr(recording->rows,
													  recorded));
	MemoryContextSwitchTo(caller);
	recording->state = QLM_POSTING_FINISHED;
	transfer->status = 0;
	recording->delivery = QLM_DELIVERY_LATER;
	recording->doubts.is_over = false;
	strlcpy(recording->why, "what it answered could not be executed",
			sizeof(recording->why));
	recording = NULL;
}

void
qlm_postings_forget_leases(void)
{
	ListCell   *lc;

	qlm_backlog_forget();
	if (recording)
	{
		fail_recording();
		return;
	}
	foreach(lc, list_copy(postings))
	{
		QlmPosting	   *posting = lfirst(lc);

		if (posting->state == QLM_POSTING_READY || posting->state == QLM_POSTING_UNDER_WAY ||
			posting->state == QLM_POSTING_FINISHED)
			continue;
		if (posting->state != QLM_POSTING_LEASED)
		{
			release_later(posting->taken);
			release_later(posting->doubts.aside);
			release_later(posting->rows);
		}
		end_posting(posting);
	}
}

/* Was it neither asked for by a peer, nor does it go to one? */
static bool
is_strangers(const QlmPosting *posting)
{
	return posting->endpoint->peer_id == 0;
}

/*
 * The proxy of a peer is used for its callbacks, too; the setting qlm.proxy is
 * not, unless qlm.proxy_callbacks is on.
 */
static void
choose_proxy(QlmPosting *posting)
{
	QlmTransfer *transfer = &posting->transfer;

	if (posting->endpoint->proxy)
	{
		transfer->proxy = posting->endpoint->proxy;
		transfer->proxy_for_all = true;
	}
	else if (posting->endpoint->is_own || qlm_proxy_callbacks)
		transfer->proxy = pstrdup(qlm_proxy);
}

static void
post(QlmPosting *posting)
{
	MemoryContext caller = MemoryContextSwitchTo(posting->context);
	QlmOutboxRow *row = qlm_posting_current(posting);
	QlmTransfer *transfer = &posting->transfer;

	if (transfer->answer.data)
		pfree(transfer->answer.data);
	memset(transfer, 0, sizeof(QlmTransfer));
	transfer->url = posting->endpoint->url;
	transfer->body = row->envelope;
	transfer->body_len = strlen(row->envelope);
	transfer->json = row->envelope[0] == '{';
	transfer->form = posting->endpoint->form && !transfer->json;
	transfer->authorization = posting->endpoint->authorization;
	transfer->timeout_ms = qlm_request_timeout;
	if (is_strangers(posting))
	{
		transfer->timeout_ms = Min(qlm_callback_timeout, qlm_request_timeout);
		transfer->connect_ms = transfer->timeout_ms / CONNECT_PART;
	}
	choose_proxy(posting);
	transfer->any_address = posting->endpoint->is_own;
	transfer->redirects = posting->endpoint->redirects;
	transfer->idle_s = posting->endpoint->hold;
	transfer->of_peer = posting->endpoint->peer_id != 0;
	transfer->owner = posting;
	posting->state = QLM_POSTING_UNDER_WAY;
	posting->posted_at = GetCurrentTimestamp();
	qlm_http_client_start(client, transfer);
	MemoryContextSwitchTo(caller);
}

void
qlm_postings_start(void)
{
	ListCell   *lc;

	list_free_deep(to_release);
	to_release = NIL;
	recording = NULL;
	foreach(lc, list_copy(postings))
	{
		QlmPosting	   *posting = lfirst(lc);

		switch (posting->state)
		{
			case QLM_POSTING_LEASED:
			case QLM_POSTING_RECORDING:
				if (posting->doubts.is_over)
					memset(&posting->doubts, 0, sizeof(QlmDoubts));
				if (posting->rows == NIL)
					end_posting(posting);
				else
					posting->state = QLM_POSTING_READY;
				break;
			case QLM_POSTING_ENDING:
				end_posting(posting);
				break;
			default:
				break;
		}
	}
}

/*
 * Nothing is posted while a commit that ended subscriptions is not looked at
 * yet.
 */
void
qlm_postings_post(void)
{
	ListCell   *lc;

	foreach(lc, ended_seen == qlm_wake_ended() ? postings : NIL)
	{
		QlmPosting	   *posting = lfirst(lc);

		if (posting->state != QLM_POSTING_READY)
			continue;
		if (posting->rows == NIL && posting->doubts.aside != NIL)
		{
			posting->rows = posting->doubts.aside;	/* no later row is left to tell */
			memset(&posting->doubts, 0, sizeof(QlmDoubts));
		}
		if (posting->rows != NIL)
			post(posting);
		else
			posting->state = QLM_POSTING_FINISHED;
	}
}

/*
 * Judges an answer.  One that was cut counts as taken if nothing was asked
 * for.
 */
static void
judge(QlmPosting *posting)
{
	const QlmTransfer *transfer = &posting->transfer;

	QlmDeliveryAnswer answer = {
		transfer->status, transfer->answer.data, transfer->answer.len, transfer->location,
		.is_peers = posting->endpoint->is_own && transfer->error[0] == '\0'
	};

	posting->delivery = qlm_delivery_judge(qlm_posting_current(posting), &answer, posting->why);
	if (answer.is_page && !posting->endpoint->is_own)
		qlm_posting_note_page(posting);
	if (transfer->forbidden)
		posting->delivery = QLM_DELIVERY_REFUSED;
	else if (transfer->error[0] && posting->delivery == QLM_DELIVERY_TAKEN &&
			 !qlm_posting_current(posting)->is_response)
		posting->delivery = QLM_DELIVERY_LATER;
	if (transfer->error[0])
		strlcpy(posting->why, transfer->error, sizeof(posting->why));
}

void
qlm_postings_finished(QlmTransfer *transfer)
{
	QlmPosting	   *posting = transfer->owner;
	MemoryContext caller = MemoryContextSwitchTo(posting->context);

	if (!transfer->forbidden)
		qlm_shares_note(&posting->share, transfer->status != 0);

	judge(posting);

	/* The acknowledgement of a callback carries nothing that is to be executed. */
	if (posting->delivery == QLM_DELIVERY_TAKEN && qlm_posting_current(posting)->is_response &&
		!posting->endpoint->is_own && posting->doubts.aside == NIL)
	{
		if (posting->taken == NIL)
			posting->taken_since = GetCurrentTimestamp();
		posting->taken = lappend(posting->taken, qlm_posting_current(posting));
		posting->rows = list_delete_first(posting->rows);
		posting->state = posting->rows != NIL ? QLM_POSTING_READY : QLM_POSTING_FINISHED;
	}
	else
		posting->state = QLM_POSTING_FINISHED;
	MemoryContextSwitchTo(caller);
}

/*
 * Returns until when an endpoint is waited for while others find no room;
 * DT_NOEND if that does not matter.
 */
static TimestampTz
patience_with(const QlmPosting *posting)
{
	if (posting->state != QLM_POSTING_UNDER_WAY || posting->share.is_peer ||
		qlm_share_is_proven(&posting->share))
		return DT_NOEND;
	return TimestampTzPlusMilliseconds(posting->posted_at,
									   GIVE_WAY_MS << Min(posting->endpoint->failures, MAX_DOUBLED));
}

TimestampTz
qlm_postings_give_way_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	if (nturned_away > 0)
		foreach(lc, postings)
			due = Min(due, patience_with(lfirst(lc)));
	return due;
}

void
qlm_postings_give_way(void)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;

	foreach(lc, postings)
	{
		QlmPosting	   *posting = lfirst(lc);

		if (nturned_away == 0)
			return;
		if (patience_with(posting) > now)
			continue;
		nturned_away--;
		qlm_http_client_cancel(client, &posting->transfer);
		posting->transfer.status = 0;
		strlcpy(posting->transfer.error, "it did not answer while others waited",
				sizeof(posting->transfer.error));
		qlm_postings_finished(&posting->transfer);
	}
}

TimestampTz
qlm_postings_record_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	foreach(lc, postings)
	{
		QlmPosting	   *posting = lfirst(lc);

		if (posting->state == QLM_POSTING_FINISHED)
			return 0;
		if (posting->taken != NIL)
			due = Min(due, TimestampTzPlusMilliseconds(posting->taken_since, RECORD_MS));
	}
	return due;
}

bool
qlm_postings_has_unrecorded(void)
{
	return qlm_postings_record_due() != DT_NOEND;
}

bool
qlm_postings_to_record(void)
{
	TimestampTz due = qlm_postings_record_due();
	TimestampTz now = GetCurrentTimestamp();

	/* A time further away was noted before the clock was set back. */
	return due != DT_NOEND &&
		(due <= now || due > TimestampTzPlusMilliseconds(now, RECORD_MS));
}

static bool
has_answer(const QlmPosting *posting)
{
	return posting->state == QLM_POSTING_FINISHED && posting->endpoint->is_own &&
		posting->rows != NIL;
}

void
qlm_postings_record(void)
{
	ListCell   *lc;

	foreach(lc, postings)
		if (!has_answer(lfirst(lc)))
			qlm_posting_record(lfirst(lc));
}

static QlmPosting *
find_answered(void)
{
	ListCell   *lc;

	foreach(lc, postings)
		if (has_answer(lfirst(lc)))
			return lfirst(lc);
	return NULL;
}

bool
qlm_postings_has_answer(void)
{
	return find_answered() != NULL;
}

void
qlm_postings_record_answer(void)
{
	recording = find_answered();
	recorded = qlm_posting_current(recording);
	qlm_posting_record(recording);
}
