/*
 * held_request.c
 *		Held requests of a server worker: they wait for something to be queued
 *		for their peer, or for the answers of other nodes.
 *
 * A commit that may concern a held request sets this process's latch
 * (process/waiters.h). One query then finds out which requests are due.  These
 * run again in the next turn, which nests what has come; if several workers
 * look, one of them gets it.  Each request is also looked at from time to
 * time, since a row that was sent and not answered is due again without any
 * commit.
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
#define FEW				8		/* held requests that any caller may have */
#define SPARE_PART		10		/* part of the connections left to others */

typedef struct HeldRequest
{
	dlist_node	node;
	QlmHttpRequest *request;
	TimestampTz since;
	TimestampTz deadline;
	TimestampTz look_at;		/* look at the latest then */
	int			retry_ms;		/* grows while looks lead to nothing */
	Size		size;			/* of this and of the answer */
	bool		in_line;		/* about to run again */
	bool		is_left;		/* the client has disconnected */
	uint32		key;			/* of the peer, if answer.by_queue */
	QlmLastHeard *last_heard;
	uint64		client;			/* where it comes from */
	QlmHeldAnswer answer;
} HeldRequest;

static dlist_head all = DLIST_STATIC_INIT(all);
static int	nheld = 0;
static Size all_sizes = 0;
static MemoryContext held_context = NULL;
static MemoryContext look_context = NULL;
static QlmLookPace pace = {.who = QLM_WAITERS_REQUESTS};
static TimestampTz next_due = DT_NOEND; /* not later than the true value */
static bool ended = false;

int
qlm_held_request_seconds(const QlmHttpRequest *request)
{
	return ended ? 0 : Min(request->prefer_wait, qlm_max_wait);
}

/* Returns how many more requests may be held. */
static int
room(void)
{
	return qlm_max_connections - Max(qlm_max_connections / SPARE_PART, 1) - nheld;
}

/*
 * A caller may hold no more requests than it leaves to others, but always a
 * few.
 */
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
		n += dlist_container(HeldRequest, node, iter.cur)->answer.peer_id == peer_id;
	return n;
}

/* A request that is held already keeps its place. */
bool
qlm_held_request_possible(const QlmHttpRequest *request)
{
	if (request->held)
		return !ended;
	return !ended && room() > 0 &&
		(request->is_proxied || room() > nheld ||
		 is_fair(count_from(&request->client)));
}

Size
qlm_held_request_size(void)
{
	return all_sizes;
}

static TimestampTz
deadline_of(const HeldRequest *held)
{
	if (held->answer.nawaited > 0)
		return held->answer.until;
	return TimestampTzPlusMilliseconds(held->since,
									   qlm_held_request_seconds(held->request) * 1000);
}

/* Returns when the request is to be looked at again without being woken. */
static TimestampTz
due_of(const HeldRequest *held)
{
	return Min(Min(held->look_at, held->deadline), held->answer.tick);
}

static void
change_waiters(const HeldRequest *held, void (*change) (uint32 key))
{
	if (held->answer.by_queue)
		change(held->key);
	for (int i = 0; i < held->answer.nsubscriptions; i++)
		change(qlm_wake_key_of_subscription(held->answer.subscriptions[i]));
	for (int i = 0; i < held->answer.nawaited; i++)
		change(qlm_wake_key_of_row(held->answer.awaited[i].message_id));
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

/* The held answer is copied into one allocation. */
static HeldRequest *
create_held(QlmHttpRequest *request, const QlmHeldAnswer *answer)
{
	Size		ids_size = answer->nsubscriptions * sizeof(int64);
	Size		awaited_size = answer->nawaited * sizeof(QlmStandIn);
	Size		size = MAXALIGN(sizeof(HeldRequest)) + MAXALIGN(ids_size) +
		MAXALIGN(awaited_size) + text_size(answer->dialect) + MAXALIGN(answer->text_len);
	HeldRequest *held;
	char	   *to;

	if (held_context == NULL)
		held_context = AllocSetContextCreate(TopMemoryContext, "qlm held requests",
											 ALLOCSET_DEFAULT_SIZES);
	held = MemoryContextAllocHuge(held_context, size);
	memset(held, 0, sizeof(HeldRequest));
	to = (char *) held + MAXALIGN(sizeof(HeldRequest));
	held->size = size;
	all_sizes += size;
	held->request = request;
	held->answer = *answer;
	if (answer->nsubscriptions > 0)
		held->answer.subscriptions = (const int64 *) place(&to, answer->subscriptions, ids_size);
	if (answer->nawaited > 0)
		held->answer.awaited = (const QlmStandIn *) place(&to, answer->awaited, awaited_size);
	held->answer.dialect = place_text(&to, answer->dialect);
	held->answer.text = place(&to, answer->text, answer->text_len);
	if (answer->by_queue)
		held->key = qlm_wake_key_of_peer(answer->peer_id);
	return held;
}

/*
 * The first look follows at once: a commit between the run of the request and
 * this point has woken nobody.
 */
static bool
begin_hold(QlmHttpRequest *request, const QlmJob *job)
{
	HeldRequest *held;

	if (room() <= 0 || (job->answer_to_hold->nawaited == 0 && room() <= nheld &&
						!is_fair(count_of_peer(job->answer_to_hold->peer_id))))
		return false;
	held = create_held(request, job->answer_to_hold);
	held->client = qlm_client_address_key(&request->client);
	request->held = held;
	held->since = held->look_at = GetCurrentTimestamp();
	held->deadline = deadline_of(held);
	held->retry_ms = QLM_LOOK_RETRY_MS;
	if (held->answer.by_queue)
		held->last_heard = qlm_last_heard_begin(held->answer.peer_id, held->since);
	dlist_push_tail(&all, &held->node);
	nheld++;
	change_waiters(held, qlm_waiters_add);
	return true;
}

/*
 * The request ran again in vain: another worker was faster, or more time must
 * pass.
 */
static void
go_on_holding(HeldRequest *held, const QlmJob *job)
{
	held->in_line = false;
	held->answer.tick = job->answer_to_hold->tick;
	held->look_at = qlm_look_again(&held->retry_ms);
}

bool
qlm_held_request_hold(QlmHttpRequest *request, const QlmJob *job)
{
	HeldRequest *held = request->held;

	if (job->answer_to_hold == NULL || ended ||
		(job->answer_to_hold->nawaited == 0 && qlm_held_request_seconds(request) == 0))
		return false;
	if (held == NULL)
	{
		if (!begin_hold(request, job))
			return false;
		held = request->held;
	}
	else
		go_on_holding(held, job);
	next_due = Min(next_due, due_of(held));
	qlm_web_server_hold(request, held->answer.is_poll || held->answer.nawaited > 0);
	return true;
}

void
qlm_held_request_resume(const QlmHttpRequest *request, QlmJob *job)
{
	const HeldRequest *held = request->held;

	if (!held->answer.is_poll)
	{
		job->kind = QLM_JOB_HELD;
		job->held_answer = &held->answer;
	}
	job->journal_no = held->answer.journal_no;
	job->received_at = held->answer.received_at;
	job->is_last = GetCurrentTimestamp() >= held->deadline;
}

void
qlm_held_request_release(QlmHttpRequest *request)
{
	HeldRequest *held = request->held;

	if (held == NULL)
		return;
	change_waiters(held, qlm_waiters_remove);
	if (held->last_heard)
		qlm_last_heard_end(held->last_heard, !held->is_left);
	if (held->last_heard && held->is_left)
		qlm_waiters_poke(held->key);
	dlist_delete(&held->node);
	nheld--;
	request->held = NULL;
	all_sizes -= held->size;
	pfree(held);
}

static void
answer_as_is(HeldRequest *held, QlmWorkerSlot *slot)
{
	QlmHttpRequest *request = held->request;
	char		applied[32];
	const QlmHttpHeader headers[] = {{"Preference-Applied", applied}, {NULL}};
	QlmHttpAnswer answer = {
		200, qlm_answer_media(held->answer.text, held->answer.text_len),
		held->answer.nawaited > 0 ? NULL : headers,
		held->answer.text, held->answer.text_len
	};

	snprintf(applied, sizeof(applied), "wait=%d",
			 Min(request->prefer_wait, qlm_max_wait));
	qlm_web_server_answer(request, &answer);
	QLM_COUNT(slot, bytes_out, answer.body_len);
	qlm_held_request_release(request);
}

static void
put_in_line(HeldRequest *held)
{
	held->in_line = true;
	qlm_web_server_requeue(held->request);
}

static bool
is_woken(const HeldRequest *held)
{
	if (held->answer.by_queue && qlm_look_pace_is_woken(&pace, held->key))
		return true;
	for (int i = 0; i < held->answer.nsubscriptions; i++)
		if (qlm_look_pace_is_woken(&pace, qlm_wake_key_of_subscription(held->answer.subscriptions[i])))
			return true;
	for (int i = 0; i < held->answer.nawaited; i++)
		if (qlm_look_pace_is_woken(&pace, qlm_wake_key_of_row(held->answer.awaited[i].message_id)))
			return true;
	return false;
}

/*
 * The time is up.  A request that waits for other nodes runs once more, to put
 * in what has come.
 */
static void
end_hold(HeldRequest *held, QlmWorkerSlot *slot)
{
	held->deadline = Min(held->deadline, GetCurrentTimestamp());
	if (held->answer.nawaited == 0)
		answer_as_is(held, slot);
	else if (!held->in_line)
		put_in_line(held);
}

/*
 * Answers requests whose time is up and puts in line those whose tick is due.
 * Returns in *to_look those that must be looked for, in the current memory
 * context, and their number.
 */
static int
sort_out(HeldRequest ***to_look, QlmWorkerSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();
	HeldRequest **found = palloc(nheld * sizeof(HeldRequest *));
	int			n = 0;
	dlist_mutable_iter iter;

	next_due = DT_NOEND;
	dlist_foreach_modify(iter, &all)
	{
		HeldRequest *held = dlist_container(HeldRequest, node, iter.cur);

		if (held->in_line)
			continue;
		if (held->deadline <= now)
			end_hold(held, slot);
		else if (held->answer.tick <= now)
			put_in_line(held);
		else
		{
			if (held->look_at <= now || is_woken(held))
			{
				found[n++] = held;
				held->look_at = TimestampTzPlusMilliseconds(now, qlm_look_idle_ms());
			}
			next_due = Min(next_due, due_of(held));
		}
	}
	*to_look = found;
	return n;
}

/* Is another request of the same peer in line already? */
static bool
is_served(HeldRequest **requests, const QlmHeldDue *look, int i)
{
	const QlmHeldAnswer *answer = look->answers[i];

	if (!answer->by_queue || answer->is_poll)
		return false;
	for (int j = 0; j < i; j++)
		if (look->due[j] && requests[j]->in_line && look->answers[j]->by_queue &&
			look->answers[j]->peer_id == answer->peer_id)
			return true;
	return false;
}

static void
act_on(HeldRequest **requests, const QlmHeldDue *look)
{
	for (int i = 0; i < look->n; i++)
	{
		HeldRequest *held = requests[i];

		if (!look->due[i])
			continue;
		if (is_served(requests, look, i))
		{
			held->look_at = qlm_look_after(QLM_LOOK_RETRY_MS);
			next_due = Min(next_due, held->look_at);
		}
		else
			put_in_line(held);
	}
}

/*
 * Returns what to look for.  Outbox rows are left out if the peer was heard
 * elsewhere later, since this connection may be dead.
 */
static const QlmHeldAnswer *
wanted(const HeldRequest *held)
{
	QlmHeldAnswer *answer;

	if (held->last_heard == NULL || qlm_last_heard_is_latest(held->last_heard))
		return &held->answer;
	answer = palloc(sizeof(QlmHeldAnswer));
	*answer = held->answer;
	answer->by_queue = false;
	return answer;
}

/*
 * Does it wait only for outbox rows of its peer, which has meanwhile asked for
 * them elsewhere?  Without this two clients of one peer would end each other's
 * requests as fast as they can send them.
 */
static bool
is_superseded(const HeldRequest *held)
{
	return held->last_heard && !qlm_last_heard_is_latest(held->last_heard) &&
		!held->answer.is_poll && held->answer.nsubscriptions == 0 && held->answer.nawaited == 0 &&
		GetCurrentTimestamp() - held->since >= SUPERSEDED_MS * INT64CONST(1000);
}

/* Answers superseded requests.  Returns how many of the others are left. */
static int
answer_superseded(HeldRequest **requests, int n, QlmWorkerSlot *slot)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
		if (requests[i]->last_heard)
			qlm_last_heard_note(requests[i]->last_heard, requests[i]->since);
	for (int i = 0; i < n; i++)
		if (is_superseded(requests[i]))
			answer_as_is(requests[i], slot);
		else
			requests[left++] = requests[i];
	return left;
}

/* If the look fails, each request is looked for again later. */
static void
look_and_act(HeldRequest **requests, int n, QlmWorkerSlot *slot)
{
	QlmHeldDue	look = {n, palloc(n * sizeof(QlmHeldAnswer *)), palloc(n * sizeof(bool)), false};
	char	   *message;

	for (int i = 0; i < n; i++)
		look.answers[i] = wanted(requests[i]);
	if (qlm_transaction_run(qlm_held_due, &look, QLM_LOOK_LIMIT_MS, &message) != QLM_VERDICT_DONE)
	{
		ereport(LOG, (errmsg("qlm could not look for events that held requests wait for: %s", message)));
		qlm_slot_error(slot, message);
	}
	else if (look.available)
		act_on(requests, &look);
	else
		qlm_held_request_end(false);
}

void
qlm_held_request_left(QlmHttpRequest *request, QlmWorkerSlot *slot)
{
	((HeldRequest *) request->held)->is_left = true;
	end_hold(request->held, slot);
}

void
qlm_held_request_run(QlmWorkerSlot *slot)
{
	HeldRequest **to_look;
	bool		may_look;
	int			n;

	if (nheld == 0)
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
	n = answer_superseded(to_look, n, slot);
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

	if (nheld == 0)
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
		HeldRequest *held = dlist_container(HeldRequest, node, iter.cur);

		if (!held->in_line)
			held->deadline = deadline_of(held);
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
		HeldRequest *held = dlist_container(HeldRequest, node, iter.cur);

		if (!held->in_line)
			answer_as_is(held, NULL);
	}
}
