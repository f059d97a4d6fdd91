/*
 * held_request.c
 *		The requests of a server worker that wait for something to be queued
 *		for their peers, or for the answers of other nodes to what was sent on.
 *
 * A commit that may concern one of them sets this process's latch
 * (process/waiters.h).  Then one query finds out for whom something is due,
 * and those run again in the next turn, which attaches it; where several
 * workers look, one of them gets it.  Each is also looked at from time to
 * time: what was sent without an answer is due again without any commit.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "process/last_heard.h"
#include "process/stats.h"
#include "process/waiters.h"
#include "process/wake_key.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_slot.h"
#include "worker/server/held_due.h"
#include "worker/server/held_request.h"
#include "worker/server/look_pace.h"

#define SUPERSEDED_MS	3000	/* held at least before a newer one ends it */
#define FEW				8		/* that any may have waiting */
#define SPARE_PART		10		/* of the connections, for who does not wait */

typedef struct HeldRequest
{
	dlist_node	node;
	QlmHttpRequest *request;
	TimestampTz since;
	TimestampTz deadline;
	TimestampTz look_at;		/* look at the latest then */
	int			retry_ms;		/* grows while looks lead to nothing */
	Size		size;			/* of this and all that is kept */
	bool		in_line;		/* about to run again */
	bool		is_left;		/* its client is gone */
	uint32		key;			/* of the peer, if kept.by_queue */
	QlmLastHeard *presence;
	uint64		client;			/* where it comes from */
	QlmHeldAnswer kept;
} HeldRequest;

static dlist_head all = DLIST_STATIC_INIT(all);
static int	nwaiting = 0;
static Size all_sizes = 0;
static MemoryContext waiting_context = NULL;
static MemoryContext look_context = NULL;
static QlmLookPace pace = {.who = QLM_WAITERS_REQUESTS};
static TimestampTz next_due = DT_NOEND; /* or earlier, never later */
static bool ended = false;

int
qlm_held_request_seconds(const QlmHttpRequest *request)
{
	return ended ? 0 : Min(request->prefer_wait, qlm_max_wait);
}

/* How many more may wait? */
static int
room(void)
{
	return qlm_max_connections - Max(qlm_max_connections / SPARE_PART, 1) - nwaiting;
}

/* Nobody has more than he leaves to others, but for a few. */
static bool
is_fair(int his)
{
	return his < FEW || his < room();
}

static int
count_from(const QlmClientAddress *client)
{
	uint64		key = qlm_client_address_key(client);
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &all)
		n += dlist_container(HeldRequest, node, iter.cur)->client == key;
	return n;
}

static int
count_of_peer(int peer_id)
{
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &all)
		n += dlist_container(HeldRequest, node, iter.cur)->kept.peer_id == peer_id;
	return n;
}

/* A request that is held already has its place. */
bool
qlm_held_request_possible(const QlmHttpRequest *request)
{
	if (request->held)
		return !ended;
	return !ended && room() > 0 &&
		(request->is_proxied || room() > nwaiting ||
		 is_fair(count_from(&request->client)));
}

Size
qlm_held_request_size(void)
{
	return all_sizes;
}

static TimestampTz
deadline_of(const HeldRequest *w)
{
	if (w->kept.nawaited > 0)
		return w->kept.until;
	return TimestampTzPlusMilliseconds(w->since,
									   qlm_held_request_seconds(w->request) * 1000);
}

static void
change_interest(const HeldRequest *w, void (*change) (uint32 key))
{
	if (w->kept.by_queue)
		change(w->key);
	for (int i = 0; i < w->kept.nsubscriptions; i++)
		change(qlm_wake_key_of_subscription(w->kept.subscriptions[i]));
	for (int i = 0; i < w->kept.nawaited; i++)
		change(qlm_wake_key_of_message(w->kept.awaited[i].message_id));
}

static char *
place(char **to, const void *from, Size size)
{
	char	   *copy = *to;

	memcpy(copy, from, size);
	*to += MAXALIGN(size);
	return copy;
}

static const char *
place_text(char **to, const char *text)
{
	return text ? place(to, text, strlen(text) + 1) : NULL;
}

static Size
text_size(const char *text)
{
	return text ? MAXALIGN(strlen(text) + 1) : 0;
}

/* One piece of memory for all that is kept */
static HeldRequest *
create_waiting(QlmHttpRequest *request, const QlmHeldAnswer *kept)
{
	Size		ids_size = kept->nsubscriptions * sizeof(int64);
	Size		awaited_size = kept->nawaited * sizeof(QlmStandIn);
	Size		size = MAXALIGN(sizeof(HeldRequest)) + MAXALIGN(ids_size) +
		MAXALIGN(awaited_size) + text_size(kept->dialect) + MAXALIGN(kept->answer_len);
	HeldRequest *w;
	char	   *to;

	if (waiting_context == NULL)
		waiting_context = AllocSetContextCreate(TopMemoryContext, "qlm waiting",
												ALLOCSET_DEFAULT_SIZES);
	w = MemoryContextAllocHuge(waiting_context, size);
	memset(w, 0, sizeof(HeldRequest));
	to = (char *) w + MAXALIGN(sizeof(HeldRequest));
	w->size = size;
	all_sizes += size;
	w->request = request;
	w->kept = *kept;
	if (kept->nsubscriptions > 0)
		w->kept.subscriptions = (const int64 *) place(&to, kept->subscriptions, ids_size);
	if (kept->nawaited > 0)
		w->kept.awaited = (const QlmStandIn *) place(&to, kept->awaited, awaited_size);
	w->kept.dialect = place_text(&to, kept->dialect);
	w->kept.answer = place(&to, kept->answer, kept->answer_len);
	if (kept->by_queue)
		w->key = qlm_wake_key_of_peer(kept->peer_id);
	return w;
}

/*
 * A first look follows at once: what was committed after the request had run
 * and before its interest was known has woken nobody.
 */
static bool
begin_waiting(QlmHttpRequest *request, const QlmJob *job)
{
	HeldRequest *w;

	if (room() <= 0 || (job->hold->nawaited == 0 && room() <= nwaiting &&
						!is_fair(count_of_peer(job->hold->peer_id))))
		return false;
	w = create_waiting(request, job->hold);
	w->client = qlm_client_address_key(&request->client);
	request->held = w;
	w->since = w->look_at = GetCurrentTimestamp();
	w->deadline = deadline_of(w);
	w->retry_ms = QLM_LOOK_RETRY_MS;
	if (w->kept.by_queue)
		w->presence = qlm_last_heard_begin(w->kept.peer_id, w->since);
	dlist_push_tail(&all, &w->node);
	nwaiting++;
	change_interest(w, qlm_waiters_add);
	return true;
}

/* It ran again for nothing: somebody else was faster, or it must wait. */
static void
go_on_waiting(HeldRequest *w, const QlmJob *job)
{
	w->in_line = false;
	w->kept.tick = job->hold->tick;
	w->look_at = qlm_look_again(&w->retry_ms);
}

bool
qlm_held_request_hold(QlmHttpRequest *request, const QlmJob *job)
{
	HeldRequest *w = request->held;

	if (job->hold == NULL || ended ||
		(job->hold->nawaited == 0 && qlm_held_request_seconds(request) == 0))
		return false;
	if (w == NULL)
	{
		if (!begin_waiting(request, job))
			return false;
		w = request->held;
	}
	else
		go_on_waiting(w, job);
	next_due = Min(next_due, Min(Min(w->look_at, w->deadline), w->kept.tick));
	qlm_web_server_hold(request, w->kept.is_poll || w->kept.nawaited > 0);
	return true;
}

void
qlm_held_request_resume(const QlmHttpRequest *request, QlmJob *job)
{
	const HeldRequest *w = request->held;

	if (!w->kept.is_poll)
	{
		job->kind = QLM_JOB_HELD;
		job->held = &w->kept;
	}
	job->journal_no = w->kept.journal_no;
	job->received_at = w->kept.received_at;
	job->is_last = GetCurrentTimestamp() >= w->deadline;
}

void
qlm_held_request_release(QlmHttpRequest *request)
{
	HeldRequest *w = request->held;

	if (w == NULL)
		return;
	change_interest(w, qlm_waiters_remove);
	if (w->presence)
		qlm_last_heard_end(w->presence, !w->is_left);
	if (w->presence && w->is_left)
		qlm_waiters_poke(w->key);
	dlist_delete(&w->node);
	nwaiting--;
	request->held = NULL;
	all_sizes -= w->size;
	pfree(w);
}

/* Answer it as it is. */
static void
answer(HeldRequest *w, QlmWorkerSlot *slot)
{
	QlmHttpRequest *request = w->request;
	char		applied[32];
	const QlmHttpHeader headers[] = {{"Preference-Applied", applied}, {NULL}};
	QlmHttpAnswer answer = {
		200, qlm_answer_media(w->kept.answer, w->kept.answer_len),
		w->kept.nawaited > 0 ? NULL : headers,
		w->kept.answer, w->kept.answer_len
	};

	snprintf(applied, sizeof(applied), "wait=%d",
			 Min(request->prefer_wait, qlm_max_wait));
	qlm_web_server_answer(request, &answer);
	QLM_COUNT(slot, bytes_out, answer.body_len);
	qlm_held_request_release(request);
}

static void
put_in_line(HeldRequest *w)
{
	w->in_line = true;
	qlm_web_server_requeue(w->request);
}

static bool
is_woken(const HeldRequest *w)
{
	if (w->kept.by_queue && qlm_look_pace_is_woken(&pace, w->key))
		return true;
	for (int i = 0; i < w->kept.nsubscriptions; i++)
		if (qlm_look_pace_is_woken(&pace, qlm_wake_key_of_subscription(w->kept.subscriptions[i])))
			return true;
	for (int i = 0; i < w->kept.nawaited; i++)
		if (qlm_look_pace_is_woken(&pace, qlm_wake_key_of_message(w->kept.awaited[i].message_id)))
			return true;
	return false;
}

/* Its time is up.  What has come for it meanwhile is put in. */
static void
end_waiting(HeldRequest *w, QlmWorkerSlot *slot)
{
	w->deadline = Min(w->deadline, GetCurrentTimestamp());
	if (w->kept.nawaited == 0)
		answer(w, slot);
	else if (!w->in_line)
		put_in_line(w);
}

/*
 * Answer and put in line what time says; returns those that must be looked
 * for, in the current memory context.
 */
static int
sort_out(HeldRequest ***to_look, QlmWorkerSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();
	HeldRequest **found = palloc(nwaiting * sizeof(HeldRequest *));
	int			n = 0;
	dlist_mutable_iter iter;

	next_due = DT_NOEND;
	dlist_foreach_modify(iter, &all)
	{
		HeldRequest *w = dlist_container(HeldRequest, node, iter.cur);

		if (w->in_line)
			continue;
		if (w->deadline <= now)
			end_waiting(w, slot);
		else if (w->kept.tick <= now)
			put_in_line(w);
		else
		{
			if (w->look_at <= now || is_woken(w))
			{
				found[n++] = w;
				w->look_at = TimestampTzPlusMilliseconds(now, qlm_look_idle_ms());
			}
			next_due = Min(next_due, Min(Min(w->look_at, w->deadline), w->kept.tick));
		}
	}
	*to_look = found;
	return n;
}

/* Does another request of the same peer run again already? */
static bool
is_served(HeldRequest **waiting, const QlmHeldDue *look, int i)
{
	const QlmHeldAnswer *kept = look->kept[i];

	if (!kept->by_queue || kept->is_poll)
		return false;
	for (int j = 0; j < i; j++)
		if (look->due[j] && waiting[j]->in_line && look->kept[j]->by_queue &&
			look->kept[j]->peer_id == kept->peer_id)
			return true;
	return false;
}

static void
act_on(HeldRequest **waiting, const QlmHeldDue *look)
{
	for (int i = 0; i < look->n; i++)
	{
		HeldRequest *w = waiting[i];

		if (!look->due[i])
			continue;
		if (is_served(waiting, look, i))
		{
			w->look_at = qlm_look_after(QLM_LOOK_RETRY_MS);
			next_due = Min(next_due, w->look_at);
		}
		else
			put_in_line(w);
	}
}

/*
 * What to look for.  Messages of the peer are none of it where the peer was heard
 * elsewhere later: nobody knows whether there is still anybody here.
 */
static const QlmHeldAnswer *
wanted(const HeldRequest *w)
{
	QlmHeldAnswer *kept;

	if (w->presence == NULL || qlm_last_heard_is_latest(w->presence))
		return &w->kept;
	kept = palloc(sizeof(QlmHeldAnswer));
	*kept = w->kept;
	kept->by_queue = false;
	return kept;
}

/*
 * Does it wait for messages of a peer alone, which has asked for them again
 * elsewhere?  Two clients of one peer would otherwise have each other answered
 * as fast as they can ask.
 */
static bool
is_superseded(const HeldRequest *w)
{
	return w->presence && !qlm_last_heard_is_latest(w->presence) &&
		!w->kept.is_poll && w->kept.nsubscriptions == 0 && w->kept.nawaited == 0 &&
		GetCurrentTimestamp() - w->since >= SUPERSEDED_MS * INT64CONST(1000);
}

/* A peer that has come again needs no answer here; returns how many remain. */
static int
end_superseded(HeldRequest **waiting, int n, QlmWorkerSlot *slot)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
		if (waiting[i]->presence)
			qlm_last_heard_note(waiting[i]->presence, waiting[i]->since);
	for (int i = 0; i < n; i++)
		if (is_superseded(waiting[i]))
			answer(waiting[i], slot);
		else
			waiting[left++] = waiting[i];
	return left;
}

/* Where one cannot look, each is looked for again later. */
static void
look_and_act(HeldRequest **waiting, int n, QlmWorkerSlot *slot)
{
	QlmHeldDue		look = {n, palloc(n * sizeof(QlmHeldAnswer *)), palloc(n * sizeof(bool)), false};
	char	   *message;

	for (int i = 0; i < n; i++)
		look.kept[i] = wanted(waiting[i]);
	if (qlm_transaction_run(qlm_held_due, &look, QLM_LOOK_LIMIT_MS, &message) != QLM_VERDICT_DONE)
	{
		ereport(LOG, (errmsg("qlm could not look for events that held requests wait for: %s", message)));
		qlm_slot_error(slot, message);
	}
	else if (look.available)
		act_on(waiting, &look);
	else
		qlm_held_request_end(false);
}

void
qlm_held_request_left(QlmHttpRequest *request, QlmWorkerSlot *slot)
{
	((HeldRequest *) request->held)->is_left = true;
	end_waiting(request->held, slot);
}

void
qlm_held_request_run(QlmWorkerSlot *slot)
{
	HeldRequest **to_look;
	bool		may_look;
	int			n;

	if (nwaiting == 0)
		return;
	may_look = qlm_look_pace_take(&pace);
	if (!(pace.any_woken && may_look) && GetCurrentTimestamp() < next_due)
		return;

	if (look_context == NULL)
		look_context = AllocSetContextCreate(TopMemoryContext, "qlm look",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(look_context);
	n = sort_out(&to_look, slot);
	qlm_look_pace_forget(&pace);
	n = end_superseded(to_look, n, slot);
	if (n > 0)
		look_and_act(to_look, n, slot);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(look_context);
	qlm_look_pace_done(&pace);
}

int64
qlm_held_request_due(void)
{
	TimestampTz due;

	if (nwaiting == 0)
		return -1;
	due = pace.any_woken ? Min(next_due, pace.not_before) : next_due;
	return due == DT_NOEND ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
}

void
qlm_held_request_reload(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		HeldRequest *w = dlist_container(HeldRequest, node, iter.cur);

		if (!w->in_line)
			w->deadline = deadline_of(w);
	}
	next_due = GetCurrentTimestamp();
}

void
qlm_held_request_end(bool for_good)
{
	dlist_mutable_iter iter;

	ended = ended || for_good;
	dlist_foreach_modify(iter, &all)
	{
		HeldRequest *w = dlist_container(HeldRequest, node, iter.cur);

		if (!w->in_line)
			answer(w, NULL);
	}
}
