/*
 * errand.c
 *		Large messages run in processes of their own: the server worker's side.
 *
 * A worker runs one transaction at a time.  One message of 300,000 Objects takes
 * seconds, in which all others on its connections would wait.  So it goes in shared
 * memory to a process that is started for it, while its connection is held.  Of
 * each worker one runs at a time, and the others wait for it in order: as
 * many large messages are run at once as there are workers.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/settings.h"
#include "process/shmem.h"
#include "service/road/entry.h"
#include "worker/server/errand.h"
#include "worker/server/errand_segment.h"
#include "worker/server/reply.h"

#define LOOK_MS		500			/* whether its process lives */
#define MAX_WAITING	32			/* each keeps its body in memory */

typedef struct Errand
{
	dlist_node	node;
	QlmHttpRequest *request;
	const char *peer_name;
	const char *token;
	dsm_segment *segment;		/* NULL: it has not begun */
	BackgroundWorkerHandle *process;
} Errand;

static dlist_head all = DLIST_STATIC_INIT(all); /* the first one runs */
static int	nall = 0;
static MemoryContext errand_context = NULL;
static MemoryContext answer_context = NULL;
static QlmWorkerOrder worker_order;
static bool ended = false;

void
qlm_errand_init(const QlmWorkerOrder *order)
{
	worker_order = *order;
	worker_order.number = QLM_ERRAND;
	worker_order.slot = -1;
	errand_context = AllocSetContextCreate(TopMemoryContext, "qlm errands",
										   ALLOCSET_DEFAULT_SIZES);
	answer_context = AllocSetContextCreate(TopMemoryContext, "qlm errand answers",
										   ALLOCSET_DEFAULT_SIZES);
}

static bool
contains(const QlmHttpRequest *request, const char *text)
{
	return memmem(request->body, request->body_len, text, strlen(text)) != NULL;
}

/*
 * On a standby no process is started before its promotion.  What is sent on to
 * other nodes is kept in this worker until they answer.  Beyond some the worker does it all, and what comes too fast for it is refused as ever.
 */
static bool
is_for_here(const QlmHttpRequest *request)
{
	return RecoveryInProgress() || request->stays || nall >= MAX_WAITING || request->socket != NULL || request->owner != NULL ||
		request->prefer_wait > 0 || contains(request, "nodeList") ||
		contains(request, "targetType");
}

bool
qlm_errand_take(QlmHttpRequest *request, const QlmRoute *route)
{
	Errand	   *errand;

	if (qlm_shared == NULL || ended || qlm_large_message == 0 ||
		request->body_len < qlm_large_message || is_for_here(request))
		return false;
	errand = MemoryContextAllocZero(errand_context, sizeof(Errand));
	errand->request = request;
	if (route->peer_name)
		errand->peer_name = MemoryContextStrdup(errand_context, route->peer_name);
	if (route->token)
		errand->token = MemoryContextStrdup(errand_context, route->token);
	request->errand = errand;
	nall++;
	dlist_push_tail(&all, &errand->node);
	qlm_http_server_hold(request, true);
	return true;
}

static void
forget(Errand *errand)
{
	errand->request->errand = NULL;
	nall--;
	dlist_delete(&errand->node);
	if (errand->segment)
		dsm_detach(errand->segment);
	if (errand->process)
		pfree(errand->process);
	if (errand->peer_name)
		pfree((char *) errand->peer_name);
	if (errand->token)
		pfree((char *) errand->token);
	pfree(errand);
}

static Size
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static QlmErrandText
put_text(QlmErrandSegment *segment, Size *at, const char *text)
{
	Size		place = *at;

	if (text == NULL)
		return 0;
	memcpy(segment->strings + place, text, text_size(text));
	*at += text_size(text);
	return place;
}

/* ms until the request has taken as long as it may */
static int
time_left(const QlmHttpRequest *request)
{
	TimestampTz end = TimestampTzPlusMilliseconds(request->received_at,
												  qlm_request_timeout);

	return (int) TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
}

static dsm_segment *
pack(const Errand *errand)
{
	const QlmHttpRequest *request = errand->request;
	Size		size = offsetof(QlmErrandSegment, strings) + 1 +
		text_size(request->charset) + text_size(request->authorization) +
		text_size(errand->peer_name) + text_size(errand->token) +
		text_size(request->body_problem) + request->body_len + 1;
	dsm_segment *shared = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	QlmErrandSegment *segment;
	Size		at = 1;

	if (shared == NULL)
		return NULL;
	segment = dsm_segment_address(shared);
	memset(segment, 0, offsetof(QlmErrandSegment, strings));
	pg_atomic_init_u32(&segment->state, QLM_ERRAND_WAITING);
	segment->sender = MyProc - ProcGlobal->allProcs;
	segment->sender_pid = MyProcPid;
	segment->timeout_ms = time_left(request);
	segment->client = request->client;
	segment->has_waited = request->has_waited;
	segment->charset = put_text(segment, &at, request->charset);
	segment->authorization = put_text(segment, &at, request->authorization);
	segment->peer_name = put_text(segment, &at, errand->peer_name);
	segment->token = put_text(segment, &at, errand->token);
	segment->body_problem = put_text(segment, &at, request->body_problem);
	segment->body = at;
	segment->body_len = request->body_len;
	memcpy(segment->strings + at, request->body, request->body_len);
	segment->strings[at + request->body_len] = '\0';
	return shared;
}

static bool
start_process(Errand *errand)
{
	BackgroundWorker worker = {0};
	MemoryContext caller = MemoryContextSwitchTo(errand_context);
	bool		started;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(errand->segment));
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_errand_main");
	snprintf(worker.bgw_type, BGW_MAXLEN, "qlm large message");
	snprintf(worker.bgw_name, BGW_MAXLEN, "qlm large message of %s",
			 NameStr(worker_order.database));
	memcpy(worker.bgw_extra, &worker_order, sizeof(QlmWorkerOrder));
	started = RegisterDynamicBackgroundWorker(&worker, &errand->process);
	MemoryContextSwitchTo(caller);
	return started;
}

/* It is run by this worker after all. */
static void
take_back(Errand *errand)
{
	QlmHttpRequest *request = errand->request;

	request->stays = true;
	forget(errand);
	qlm_http_server_requeue(request);
}

static void
start(Errand *errand)
{
	errand->segment = pack(errand);
	if (errand->segment == NULL || !start_process(errand))
		take_back(errand);
}

/* The answer that is in shared memory, or one that says why there is none */
static void
send_answer(Errand *errand, QlmWorkerSlot *slot, int status, const char *problem)
{
	QlmErrandSegment *segment = errand->segment ? dsm_segment_address(errand->segment) : NULL;
	QlmJob		job = {0};
	MemoryContext caller = MemoryContextSwitchTo(answer_context);
	dsm_segment *answer = NULL;

	job.body = errand->request->body;
	job.body_len = errand->request->body_len;
	job.answer_context = AllocSetContextCreate(answer_context, "qlm answer",
											   ALLOCSET_SMALL_SIZES);
	if (problem == NULL)
		answer = dsm_attach(segment->answer);
	if (answer != NULL)
	{
		Size		len = segment->answer_len;

		job.status = segment->status;
		job.pause_ms = segment->pause_ms;
		job.was_wrong = segment->was_wrong;
		job.answer.data = MemoryContextAllocHuge(job.answer_context, len + 1);
		memcpy(job.answer.data, dsm_segment_address(answer), len + 1);
		job.answer.len = (int) len;
		dsm_detach(answer);
		pg_atomic_write_u32(&segment->state, QLM_ERRAND_FETCHED);
		SetLatch(&ProcGlobal->allProcs[segment->taker].procLatch);
	}
	else
		qlm_job_refuse(&job, status, problem ? problem :
					   "The answer to the message was lost, it may have been stored.");
	qlm_reply_send(slot, errand->request, &job);
	forget(errand);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(answer_context);
}

/* Is there more to do for the one that runs? */
static bool
look_at(Errand *errand, QlmWorkerSlot *slot)
{
	QlmErrandSegment *segment = dsm_segment_address(errand->segment);
	pid_t		pid;
	bool		stopped = GetBackgroundWorkerPid(errand->process, &pid) == BGWH_STOPPED;
	uint32		state = pg_atomic_read_u32(&segment->state);

	if (state == QLM_ERRAND_DONE)
	{
		pg_read_barrier();
		send_answer(errand, slot, 500, NULL);
		return true;
	}
	if (!stopped)
		return false;
	if (state == QLM_ERRAND_WAITING)
		take_back(errand);
	else
		send_answer(errand, slot, 500,
					"The process that ran the message has ended, it may have been stored.");
	return true;
}

void
qlm_errand_run(QlmWorkerSlot *slot)
{
	while (!dlist_is_empty(&all))
	{
		Errand	   *first = dlist_head_element(Errand, node, &all);

		if (first->segment == NULL && time_left(first->request) <= 0)
			send_answer(first, slot, 503, "The message took longer than qlm.request_timeout.");
		else if (first->segment == NULL)
			start(first);
		else if (!look_at(first, slot))
			return;
	}
}

int64
qlm_errand_due(void)
{
	if (dlist_is_empty(&all))
		return -1;
	return dlist_head_element(Errand, node, &all)->segment ? LOOK_MS : 0;
}

bool
qlm_errand_any(void)
{
	return !dlist_is_empty(&all);
}

/* What has begun goes on, as it would in the worker. */
bool
qlm_errand_left(QlmHttpRequest *request)
{
	return request->errand != NULL;
}

void
qlm_errand_end(QlmWorkerSlot *slot)
{
	ended = true;
	while (!dlist_is_empty(&all))
	{
		Errand	   *first = dlist_head_element(Errand, node, &all);

		if (first->process)
			TerminateBackgroundWorker(first->process);
		send_answer(first, slot, 503, "The node stops; the message may have been stored.");
	}
}
