/*
 * batch.c
 *		One turn of a server worker.
 *
 * All messages of a turn share a transaction and so one flush to disk; no
 * answer is given before it has committed.  If anything in it fails, it is
 * undone and each message runs in a transaction of its own: a bad one fails
 * alone and costs the others only time.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/settings.h"
#include "process/stats.h"
#include "service/road/entry.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_slot.h"
#include "worker/dispatcher/withheld.h"
#include "worker/server/batch.h"
#include "worker/server/held_request.h"
#include "worker/server/large_message.h"
#include "worker/server/node_page.h"
#include "worker/server/reply.h"
#include "worker/server/sockets.h"
#include "worker/server/url_query.h"
#include "worker/server/url_route.h"

#define MAX_REQUESTS	256
#define MAX_BYTES		(8 * 1024 * 1024)
#define MAX_TRIES		3
#define CROWD			16			/* messages in a turn */
#define PROBE_PART		16			/* of qlm.request_timeout, for one after it hung */
#define LARGE_TURN		(32 * 1024 * 1024)

typedef struct Turn
{
	QlmWebServer *server;
	QlmWorkerSlot *slot;
	int			nrequests;
	Size		nbytes;
	int			n;				/* messages */
	QlmHttpRequest *requests[MAX_REQUESTS];
	QlmJob	   *jobs[MAX_REQUESTS];
	bool		answered[MAX_REQUESTS];
	MemoryContext memory;		/* of the last try */
	int			nhealth;
	QlmHttpRequest *health[MAX_REQUESTS];
	bool		hung;			/* some took longer than they may */
	bool		large;			/* a try that was forgotten took much memory */
} Turn;

typedef struct Batch
{
	QlmJob	  **jobs;
	int			n;
} Batch;

static MemoryContext turn_context = NULL;

static void
refuse_all(QlmJob **jobs, int n, int status, const char *why)
{
	int			i;

	for (i = 0; i < n; i++)
		qlm_job_refuse(jobs[i], status, why);
}

/* Forget what an earlier try has answered. */
static void
reset_answers(QlmJob **jobs, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		memset(&jobs[i]->answer, 0, sizeof(jobs[i]->answer));
		if (jobs[i]->answer_context)
			MemoryContextReset(jobs[i]->answer_context);
		jobs[i]->status = 0;
		jobs[i]->apart = false;
		jobs[i]->pause_ms = 0;
		jobs[i]->was_wrong = false;
		jobs[i]->waits = false;
		jobs[i]->hold = NULL;
		jobs[i]->pushes = false;
		jobs[i]->caller = NULL;
	}
}

static bool
is_large(MemoryContext context)
{
	return MemoryContextMemAllocated(context, true) > LARGE_TURN;
}

static void
forget_try(Turn *turn)
{
	turn->large |= is_large(turn->memory);
	MemoryContextDelete(turn->memory);
	turn->memory = NULL;
}

static void
run_batch(void *arg)
{
	Batch	   *batch = arg;

	if (qlm_worker_can_serve())
		qlm_jobs_run(batch->jobs, batch->n);
	else
		refuse_all(batch->jobs, batch->n, 503, qlm_worker_why_not());
}

/*
 * What the answers of a try may take beside those that have not left yet, of
 * this turn too.
 */
static void
give_room(const Turn *turn)
{
	Size		room = (Size) qlm_max_answer_size * QLM_MAX_LARGE_ANSWERS;
	Size		taken = qlm_web_server_unsent(turn->server) + qlm_held_request_size();

	qlm_answer_size_give_room(room > taken ? room - taken : 0);
}

/* In memory of its own, so that a try that failed leaves none behind */
static QlmVerdict
run(Turn *turn, QlmJob **jobs, int n, int timeout_ms, char **message)
{
	Batch		batch = {jobs, n};
	QlmVerdict	verdict;

	reset_answers(jobs, n);
	give_room(turn);
	turn->memory = AllocSetContextCreate(turn_context, "qlm try",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn->memory);
	verdict = qlm_transaction_run(run_batch, &batch, timeout_ms, message);
	MemoryContextSwitchTo(turn_context);
	if (verdict == QLM_VERDICT_DONE)
		return verdict;
	*message = pstrdup(*message);
	reset_answers(jobs, n);
	forget_try(turn);
	return verdict;
}

/* Its transaction has ended: its answer leaves. */
static void
answer_one(Turn *turn, int i)
{
	turn->answered[i] = true;
	qlm_reply_send(turn->slot, turn->requests[i], turn->jobs[i]);
}

/* All that do not have to run once more */
static void
answer_messages(Turn *turn)
{
	for (int i = 0; i < turn->n; i++)
		if (!turn->answered[i] && !turn->jobs[i]->apart)
			answer_one(turn, i);
}

/* ms until the request has taken as long as it may */
static int
time_left(const QlmHttpRequest *request)
{
	TimestampTz end = TimestampTzPlusMilliseconds(request->received_at,
												  qlm_request_timeout);

	return (int) TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
}

/*
 * Run one alone.  It gets half of the time that it has left, so that one that
 * hangs does not use up that of those behind it.
 */
static void
run_alone(Turn *turn, int i)
{
	QlmJob	   *job = turn->jobs[i];
	QlmVerdict	verdict = QLM_VERDICT_LATE;
	char	   *message = "no time was left";
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		int			left = time_left(turn->requests[i]);

		verdict = QLM_VERDICT_LATE;
		if (left <= 0)
			break;
		verdict = run(turn, &job, 1, left / 2, &message);
		if (verdict != QLM_VERDICT_AGAIN)
			break;
	}
	if (verdict == QLM_VERDICT_DONE)
	{
		answer_one(turn, i);
		forget_try(turn);
		return;
	}

	ereport(LOG, (errmsg("qlm could not run a message: %s", message)));
	qlm_slot_error(turn->slot, message);
	reset_answers(&job, 1);
	turn->hung |= verdict == QLM_VERDICT_LATE;
	if (verdict == QLM_VERDICT_FAILED)
		qlm_job_refuse(job, qlm_transaction_code(), message);
	else if (verdict == QLM_VERDICT_AGAIN)
		qlm_job_refuse(job, 503, "Others change the same data now, try again.");
	else
		qlm_job_refuse(job, 503, "The message took longer than qlm.request_timeout.");
}

/* The database still hangs.  Others come, and must hear of it. */
static void
give_up(Turn *turn)
{
	reset_answers(turn->jobs, turn->n);
	refuse_all(turn->jobs, turn->n, 503, "The database is busy, try again later.");
	turn->hung = true;
}

/*
 * After a turn that hung, a crowd is tried only briefly: while it waits, nobody
 * else hears anything.
 */
static void
run_messages(Turn *turn)
{
	static bool hung = false;	/* did the turn before? */
	char		activity[64];
	char	   *message;
	bool		is_probe;
	int			i;

	QlmVerdict	verdict = QLM_VERDICT_FAILED;

	if (turn->n == 0)
		return;
	snprintf(activity, sizeof(activity), "qlm: %d message%s", turn->n,
			 turn->n == 1 ? "" : "s");
	pgstat_report_activity(STATE_RUNNING, activity);
	is_probe = hung && turn->n >= CROWD;
	if (turn->n > 1)
		verdict = run(turn, turn->jobs, turn->n,
					  qlm_request_timeout / (is_probe ? PROBE_PART : 2), &message);
	if (verdict == QLM_VERDICT_LATE && is_probe)
		give_up(turn);
	else if (verdict != QLM_VERDICT_DONE)
	{
		if (turn->n > 1)
			elog(DEBUG1, "qlm runs %d messages one by one: %s", turn->n, message);
		for (i = 0; i < turn->n; i++)
			run_alone(turn, i);
	}
	else
	{
		answer_messages(turn);
		forget_try(turn);
		for (i = 0; i < turn->n; i++)
			if (turn->jobs[i]->apart)
				run_alone(turn, i);
	}
	hung = turn->hung;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* What GET /health tells */
typedef struct Health
{
	bool		available;
	QlmWithheld		held;
} Health;

static void
look_for_extension(void *arg)
{
	Health	   *health = arg;

	health->available = qlm_worker_can_serve();
	if (!health->available)
		return;
	qlm_storage_begin();
	health->held = qlm_withheld();
	qlm_storage_end();
}

/* Is the extension there?  Asked once for all who want to know. */
static void
answer_health(Turn *turn)
{
	Health		health = {false};
	char	   *message;
	int			i;

	if (turn->nhealth == 0)
		return;
	if (qlm_transaction_run(look_for_extension, &health,
							qlm_request_timeout / 2, &message) != QLM_VERDICT_DONE)
		ereport(LOG, (errmsg("qlm could not look at its health: %s", message)));
	for (i = 0; i < turn->nhealth; i++)
		qlm_node_page_answer_health(turn->health[i], health.available, health.held);
}

static QlmJob *
create_job(void)
{
	QlmJob	   *job = palloc0(sizeof(QlmJob));

	job->answer_context = AllocSetContextCreate(turn_context, "qlm answer",
												ALLOCSET_SMALL_SIZES);
	return job;
}

static void
add_job(Turn *turn, QlmHttpRequest *request, QlmJob *job)
{
	turn->requests[turn->n] = request;
	turn->answered[turn->n] = false;
	turn->jobs[turn->n++] = job;
}

static void
add_message(Turn *turn, QlmHttpRequest *request, const QlmUrlRoute *route)
{
	QlmJob	   *job = create_job();

	job->body = request->body;
	job->body_len = request->body_len;
	job->body_problem = request->body_problem;
	job->charset = request->charset;
	job->authorization = request->authorization;
	job->peer_name = route->peer_name;
	job->token = route->token;
	job->client = &request->client;
	job->has_waited = request->has_waited || request->held != NULL;
	job->may_wait = qlm_held_request_seconds(request) > 0;
	job->may_hold = qlm_held_request_possible(request);
	job->prefer_wait = request->prefer_wait;
	job->on_socket = request->socket != NULL;
	job->answers_all = !job->on_socket || request->acknowledge;
	qlm_sockets_resume(request, job);
	if (request->held)
		qlm_held_request_resume(request, job);
	add_job(turn, request, job);
}

static void
add_discovery(Turn *turn, QlmHttpRequest *request, const char *peer_name)
{
	static const char *const known[] = {
		"version", "newest", "oldest", "begin", "end", "peer", NULL
	};
	QlmJob	   *job = create_job();
	QlmDiscovery *discovery = palloc0(sizeof(QlmDiscovery));

	discovery->path = request->path;
	discovery->accept = request->accept;
	discovery->if_none_match = request->if_none_match;
	if (request->query)
	{
		discovery->problem = qlm_url_query_problem(request->query, known);
		discovery->version = qlm_url_query_value(request->query, "version");
		discovery->newest = qlm_url_query_value(request->query, "newest");
		discovery->oldest = qlm_url_query_value(request->query, "oldest");
		discovery->begin = qlm_url_query_value(request->query, "begin");
		discovery->end = qlm_url_query_value(request->query, "end");
	}
	job->kind = QLM_JOB_DISCOVERY;
	job->discovery = discovery;
	job->body = request->path;
	job->body_len = strlen(request->path);
	job->authorization = request->authorization;
	job->peer_name = peer_name;
	job->client = &request->client;
	job->has_waited = request->has_waited;
	add_job(turn, request, job);
}

static void
add_request(Turn *turn, QlmHttpRequest *request)
{
	QlmUrlRoute	route = qlm_url_route_find(request);

	turn->nrequests++;
	turn->nbytes += request->body_len;
	switch (route.kind)
	{
		case QLM_ROUTE_MESSAGE:
			if (!qlm_large_message_take(request, &route))
				add_message(turn, request, &route);
			break;
		case QLM_ROUTE_DISCOVERY:
			add_discovery(turn, request, route.peer_name);
			break;
		case QLM_ROUTE_SOCKET:
			qlm_web_server_upgrade(request);
			break;
		case QLM_ROUTE_HOME:
			qlm_node_page_answer_home(request);
			break;
		case QLM_ROUTE_HEALTH:
			turn->health[turn->nhealth++] = request;
			break;
		case QLM_ROUTE_OPTIONS:
			qlm_node_page_answer_options(request, route.allow);
			break;
		case QLM_ROUTE_BAD_METHOD:
			qlm_node_page_answer_text(request, 405, "This address does not take this method.\n",
								 route.allow);
			break;
		case QLM_ROUTE_UNKNOWN:
			qlm_node_page_answer_text(request, 404, "There is nothing at this address.\n", NULL);
			break;
	}
}

/*
 * Forget the turn.  After an unusually large one the C library keeps what was
 * freed, in holes between what lives on: have it give that back.
 */
static void
forget_turn(const Turn *turn)
{
	bool		large pg_attribute_unused() =
		turn->large || is_large(turn_context);

	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(turn_context);
#ifdef __GLIBC__
	if (large)
		malloc_trim(0);
#endif
}

int
qlm_batch_run(QlmWebServer *server, QlmWorkerSlot *slot)
{
	Turn		turn;
	QlmHttpRequest *request;
	TimestampTz start;

	if (turn_context == NULL)
		turn_context = AllocSetContextCreate(TopMemoryContext, "qlm turn",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);
	turn.server = server;
	turn.slot = slot;
	turn.nrequests = turn.n = turn.nhealth = 0;
	turn.nbytes = 0;
	turn.hung = turn.large = false;
	while (turn.nrequests < MAX_REQUESTS && turn.nbytes < MAX_BYTES &&
		   (request = qlm_web_server_next(server)) != NULL)
		add_request(&turn, request);

	if (turn.nrequests > 0)
	{
		start = GetCurrentTimestamp();
		run_messages(&turn);
		answer_messages(&turn);
		answer_health(&turn);
		qlm_web_server_note_pace(server, turn.nrequests,
								  GetCurrentTimestamp() - start, turn.hung);
		QLM_COUNT(slot, requests, turn.nrequests);
		QLM_COUNT(slot, batches, 1);
		QLM_COUNT(slot, bytes_in, turn.nbytes);
	}
	forget_turn(&turn);
	return turn.nrequests;
}
