/*
 * batch.c
 *		Runs what has arrived at a server worker as one batch, and answers it.
 *
 * All messages of a batch share a transaction, and so one flush.  Nothing is
 * answered before the commit.  If anything fails the batch is rolled back, and
 * each message runs in a transaction of its own.  So a bad message fails alone
 * and costs the others only time.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "process/stats.h"
#include "service/road/entry.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_slot.h"
#include "worker/dispatcher/withheld.h"
#include "worker/server/batch.h"
#include "worker/server/failed_job.h"
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
#define CROWD			16			/* a batch of at least so many messages is probed */
#define PROBE_PART		16			/* part of qlm.request_timeout for a probe */
#define LARGE_BATCH		(32 * 1024 * 1024)

typedef struct Batch
{
	QlmWebServer *server;
	QlmWorkerSlot *slot;
	int			nrequests;
	Size		nbytes;
	int			n;				/* number of messages */
	QlmHttpRequest *requests[MAX_REQUESTS];
	QlmJob	   *jobs[MAX_REQUESTS];
	bool		answered[MAX_REQUESTS];
	MemoryContext memory;		/* of the last try */
	int			nhealth;
	QlmHttpRequest *health[MAX_REQUESTS];
	bool		hung;			/* a message ran into its timeout */
	bool		large;			/* a try took much memory */
} Batch;

typedef struct Run
{
	QlmJob	  **jobs;
	int			n;
} Run;

static MemoryContext batch_context = NULL;

static void
refuse_all(QlmJob **jobs, int n, int status, const char *why)
{
	int			i;

	for (i = 0; i < n; i++)
		qlm_job_refuse(jobs[i], status, why);
}

/* Discards the answers of an earlier try. */
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
		jobs[i]->answer_to_hold = NULL;
		jobs[i]->pushes = false;
		jobs[i]->caller = NULL;
	}
}

static bool
is_large(MemoryContext context)
{
	return MemoryContextMemAllocated(context, true) > LARGE_BATCH;
}

static void
forget_try(Batch *batch)
{
	batch->large |= is_large(batch->memory);
	MemoryContextDelete(batch->memory);
	batch->memory = NULL;
}

static void
run_jobs(void *arg)
{
	Run		   *run = arg;

	if (qlm_worker_can_serve())
		qlm_jobs_run(run->jobs, run->n);
	else
		refuse_all(run->jobs, run->n, 503, qlm_worker_why_not());
}

/*
 * Sets how much memory the answers of a try may take, besides answers that
 * have not been sent yet.
 */
static void
give_room(const Batch *batch)
{
	Size		room = (Size) qlm_max_answer_size * QLM_MAX_LARGE_ANSWERS;
	Size		taken = qlm_web_server_unsent(batch->server) + qlm_held_request_size();

	qlm_answer_size_give_room(room > taken ? room - taken : 0);
}

/*
 * Runs jobs in one transaction.  The memory context is that of the try, and is
 * deleted if it fails.
 */
static QlmVerdict
run(Batch *batch, QlmJob **jobs, int n, int timeout_ms, char **message)
{
	Run			run_now = {jobs, n};
	QlmVerdict	verdict;

	reset_answers(jobs, n);
	give_room(batch);
	batch->memory = AllocSetContextCreate(batch_context, "qlm try",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(batch->memory);
	verdict = qlm_transaction_run(run_jobs, &run_now, timeout_ms, message);
	MemoryContextSwitchTo(batch_context);
	if (verdict == QLM_VERDICT_DONE)
		return verdict;
	*message = pstrdup(*message);
	reset_answers(jobs, n);
	forget_try(batch);
	return verdict;
}

/* Sends one answer after its commit. */
static void
answer_one(Batch *batch, int i)
{
	batch->answered[i] = true;
	qlm_reply_send(batch->slot, batch->requests[i], batch->jobs[i]);
}

/* Answers all messages but those that have to run alone. */
static void
answer_messages(Batch *batch)
{
	for (int i = 0; i < batch->n; i++)
		if (!batch->answered[i] && !batch->jobs[i]->apart)
			answer_one(batch, i);
}

/*
 * Runs one message in a transaction of its own.  It gets half of the time that
 * it has left, so that the messages after it have time, too.
 */
static void
run_alone(Batch *batch, int i)
{
	QlmJob	   *job = batch->jobs[i];
	QlmVerdict	verdict = QLM_VERDICT_LATE;
	char	   *message = "no time was left";
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		int			left = qlm_web_server_time_left(batch->requests[i]);

		verdict = QLM_VERDICT_LATE;
		if (left <= 0)
			break;
		verdict = run(batch, &job, 1, left / 2, &message);
		if (verdict != QLM_VERDICT_AGAIN)
			break;
	}
	if (verdict == QLM_VERDICT_DONE)
	{
		answer_one(batch, i);
		forget_try(batch);
		return;
	}

	ereport(LOG, (errmsg("qlm could not run a message: %s", message)));
	qlm_slot_error(batch->slot, message);
	reset_answers(&job, 1);
	batch->hung |= verdict == QLM_VERDICT_LATE;
	qlm_failed_job_refuse(job, verdict, message);
}

/*
 * The database still hangs: all are refused, so that newer requests are
 * answered, too.
 */
static void
give_up(Batch *batch)
{
	reset_answers(batch->jobs, batch->n);
	refuse_all(batch->jobs, batch->n, 503, "The database is busy, try again later.");
	batch->hung = true;
}

/*
 * Runs a batch.  After one that hung, a large batch is tried only briefly as a
 * probe: while it runs, nobody else is answered.
 */
static void
run_messages(Batch *batch)
{
	static bool hung = false;	/* the batch before did */
	char		activity[64];
	char	   *message;
	bool		is_probe;
	int			i;

	QlmVerdict	verdict = QLM_VERDICT_FAILED;

	if (batch->n == 0)
		return;
	snprintf(activity, sizeof(activity), "qlm: %d message%s", batch->n,
			 batch->n == 1 ? "" : "s");
	pgstat_report_activity(STATE_RUNNING, activity);
	is_probe = hung && batch->n >= CROWD;
	if (batch->n > 1)
		verdict = run(batch, batch->jobs, batch->n,
					  qlm_request_timeout / (is_probe ? PROBE_PART : 2), &message);
	if (verdict == QLM_VERDICT_LATE && is_probe)
		give_up(batch);
	else if (verdict != QLM_VERDICT_DONE)
	{
		if (batch->n > 1)
			elog(DEBUG1, "qlm runs %d messages one by one: %s", batch->n, message);
		for (i = 0; i < batch->n; i++)
			run_alone(batch, i);
	}
	else
	{
		answer_messages(batch);
		forget_try(batch);
		for (i = 0; i < batch->n; i++)
			if (batch->jobs[i]->apart)
				run_alone(batch, i);
	}
	hung = batch->hung;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* What GET /health reports */
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

/* Answers all requests for /health by one look into the database. */
static void
answer_health(Batch *batch)
{
	Health		health = {false};
	char	   *message;
	int			i;

	if (batch->nhealth == 0)
		return;
	if (qlm_transaction_run(look_for_extension, &health,
							qlm_request_timeout / 2, &message) != QLM_VERDICT_DONE)
		ereport(LOG, (errmsg("qlm could not check its health: %s", message)));
	for (i = 0; i < batch->nhealth; i++)
		qlm_node_page_answer_health(batch->health[i], health.available, health.held);
}

static QlmJob *
create_job(void)
{
	QlmJob	   *job = palloc0(sizeof(QlmJob));

	job->answer_context = AllocSetContextCreate(batch_context, "qlm answer",
												ALLOCSET_SMALL_SIZES);
	return job;
}

static void
add_job(Batch *batch, QlmHttpRequest *request, QlmJob *job)
{
	batch->requests[batch->n] = request;
	batch->answered[batch->n] = false;
	batch->jobs[batch->n++] = job;
}

static void
add_message(Batch *batch, QlmHttpRequest *request, const QlmUrlRoute *route)
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
	add_job(batch, request, job);
}

static void
add_discovery(Batch *batch, QlmHttpRequest *request, const char *peer_name)
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
	add_job(batch, request, job);
}

static void
add_request(Batch *batch, QlmHttpRequest *request)
{
	QlmUrlRoute	route = qlm_url_route_find(request);

	batch->nrequests++;
	batch->nbytes += request->body_len;
	switch (route.kind)
	{
		case QLM_ROUTE_MESSAGE:
			if (!qlm_large_message_take(request, &route))
				add_message(batch, request, &route);
			break;
		case QLM_ROUTE_DISCOVERY:
			add_discovery(batch, request, route.peer_name);
			break;
		case QLM_ROUTE_SOCKET:
			qlm_web_server_upgrade(request);
			break;
		case QLM_ROUTE_HOME:
			qlm_node_page_answer_home(request);
			break;
		case QLM_ROUTE_HEALTH:
			batch->health[batch->nhealth++] = request;
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
 * After an unusually large batch the C library keeps freed memory between
 * blocks that are still in use, so it is told to return it.
 */
static void
forget_batch(const Batch *batch)
{
	bool		large pg_attribute_unused() =
		batch->large || is_large(batch_context);

	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(batch_context);
#ifdef __GLIBC__
	if (large)
		malloc_trim(0);
#endif
}

int
qlm_batch_run(QlmWebServer *server, QlmWorkerSlot *slot)
{
	Batch		batch;
	QlmHttpRequest *request;
	TimestampTz start;

	if (batch_context == NULL)
		batch_context = AllocSetContextCreate(TopMemoryContext, "qlm batch",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(batch_context);
	batch.server = server;
	batch.slot = slot;
	batch.nrequests = batch.n = batch.nhealth = 0;
	batch.nbytes = 0;
	batch.hung = batch.large = false;
	while (batch.nrequests < MAX_REQUESTS && batch.nbytes < MAX_BYTES &&
		   (request = qlm_web_server_next(server)) != NULL)
		add_request(&batch, request);

	if (batch.nrequests > 0)
	{
		start = GetCurrentTimestamp();
		run_messages(&batch);
		answer_messages(&batch);
		answer_health(&batch);
		qlm_web_server_note_pace(server, batch.nrequests,
								  GetCurrentTimestamp() - start, batch.hung);
		QLM_COUNT(slot, requests, batch.nrequests);
		QLM_COUNT(slot, batches, 1);
		QLM_COUNT(slot, bytes_in, batch.nbytes);
	}
	forget_batch(&batch);
	return batch.nrequests;
}
