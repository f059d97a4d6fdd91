/*
 * large_message.c
 *		Large messages run in processes of their own: the side of the server
 *		worker.
 *
 * A worker runs one transaction at a time.  A message of 300,000 Objects takes
 * seconds, in which all others would wait.  So it is passed in shared memory
 * to a process started for it, while its connection is held.  Each worker runs
 * one large message at a time, the others wait in order.  So at most as many
 * run at once as there are workers.
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

#include "base/server_settings.h"
#include "process/shmem.h"
#include "service/road/entry.h"
#include "worker/common/worker.h"
#include "worker/server/large_message.h"
#include "worker/server/large_message_segment.h"

#define LOOK_MS		500			/* interval of looks whether the process still runs */
#define MAX_WAITING	32			/* each keeps its body in memory */

typedef struct LargeMessage
{
	dlist_node	node;
	QlmHttpRequest *request;
	const char *peer_name;
	const char *token;
	dsm_segment *segment;		/* NULL: not started yet */
	BackgroundWorkerHandle *process;
} LargeMessage;

static dlist_head all = DLIST_STATIC_INIT(all); /* the first one is run */
static int	nall = 0;
static MemoryContext large_context = NULL;
static MemoryContext answer_context = NULL;
static QlmWorkerOrder worker_order;
static QlmSendAnswer send = NULL;
static bool ended = false;

void
qlm_large_message_init(const QlmWorkerOrder *order, QlmSendAnswer send_answer)
{
	send = send_answer;
	worker_order = *order;
	worker_order.number = QLM_MESSAGE_RUNNER;
	worker_order.slot = -1;
	large_context = AllocSetContextCreate(TopMemoryContext, "qlm large messages",
										   ALLOCSET_DEFAULT_SIZES);
	answer_context = AllocSetContextCreate(TopMemoryContext, "qlm large answers",
										   ALLOCSET_DEFAULT_SIZES);
}

static bool
contains(const QlmHttpRequest *request, const char *text)
{
	return memmem(request->body, request->body_len, text, strlen(text)) != NULL;
}

/*
 * Must the worker run it itself?  On a standby no process is started before
 * promotion.  An answer that waits for other nodes is held by this worker.
 * Beyond some waiting messages the worker runs them, too, and load is limited
 * as for any message.
 */
static bool
is_for_here(const QlmHttpRequest *request)
{
	return RecoveryInProgress() || request->stays_here || nall >= MAX_WAITING || request->socket != NULL || request->held != NULL ||
		request->prefer_wait > 0 || contains(request, "nodeList") ||
		contains(request, "targetType");
}

bool
qlm_large_message_take(QlmHttpRequest *request, const QlmUrlRoute *route)
{
	LargeMessage	   *large;

	if (qlm_shared == NULL || ended || qlm_large_message == 0 ||
		request->body_len < qlm_large_message || is_for_here(request))
		return false;
	large = MemoryContextAllocZero(large_context, sizeof(LargeMessage));
	large->request = request;
	if (route->peer_name)
		large->peer_name = MemoryContextStrdup(large_context, route->peer_name);
	if (route->token)
		large->token = MemoryContextStrdup(large_context, route->token);
	request->elsewhere = large;
	nall++;
	dlist_push_tail(&all, &large->node);
	qlm_web_server_hold(request, true);
	return true;
}

static void
forget(LargeMessage *large)
{
	large->request->elsewhere = NULL;
	nall--;
	dlist_delete(&large->node);
	if (large->segment)
		dsm_detach(large->segment);
	if (large->process)
		pfree(large->process);
	if (large->peer_name)
		pfree((char *) large->peer_name);
	if (large->token)
		pfree((char *) large->token);
	pfree(large);
}

static Size
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static QlmLargeMessageText
put_text(QlmLargeMessageSegment *segment, Size *at, const char *text)
{
	Size		place = *at;

	if (text == NULL)
		return 0;
	memcpy(segment->strings + place, text, text_size(text));
	*at += text_size(text);
	return place;
}

static dsm_segment *
pack(const LargeMessage *large)
{
	const QlmHttpRequest *request = large->request;
	Size		size = offsetof(QlmLargeMessageSegment, strings) + 1 +
		text_size(request->charset) + text_size(request->authorization) +
		text_size(large->peer_name) + text_size(large->token) +
		text_size(request->body_problem) + request->body_len + 1;
	dsm_segment *shared = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	QlmLargeMessageSegment *segment;
	Size		at = 1;

	if (shared == NULL)
		return NULL;
	segment = dsm_segment_address(shared);
	memset(segment, 0, offsetof(QlmLargeMessageSegment, strings));
	pg_atomic_init_u32(&segment->state, QLM_LARGE_MESSAGE_WAITING);
	segment->sender = MyProc - ProcGlobal->allProcs;
	segment->sender_pid = MyProcPid;
	segment->timeout_ms = qlm_web_server_time_left(request);
	segment->client = request->client;
	segment->has_waited = request->has_waited;
	segment->charset = put_text(segment, &at, request->charset);
	segment->authorization = put_text(segment, &at, request->authorization);
	segment->peer_name = put_text(segment, &at, large->peer_name);
	segment->token = put_text(segment, &at, large->token);
	segment->body_problem = put_text(segment, &at, request->body_problem);
	segment->body = at;
	segment->body_len = request->body_len;
	memcpy(segment->strings + at, request->body, request->body_len);
	segment->strings[at + request->body_len] = '\0';
	return shared;
}

static bool
start_process(LargeMessage *large)
{
	BackgroundWorker worker = {0};
	MemoryContext caller = MemoryContextSwitchTo(large_context);
	bool		started;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(large->segment));
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_large_message_main");
	snprintf(worker.bgw_type, BGW_MAXLEN, "qlm large message");
	snprintf(worker.bgw_name, BGW_MAXLEN, "qlm large message of %s",
			 NameStr(worker_order.database));
	memcpy(worker.bgw_extra, &worker_order, sizeof(QlmWorkerOrder));
	started = RegisterDynamicBackgroundWorker(&worker, &large->process);
	MemoryContextSwitchTo(caller);
	return started;
}

/* The worker runs it itself after all. */
static void
take_back(LargeMessage *large)
{
	QlmHttpRequest *request = large->request;

	request->stays_here = true;
	forget(large);
	qlm_web_server_requeue(request);
}

static void
start(LargeMessage *large)
{
	large->segment = pack(large);
	if (large->segment == NULL || !start_process(large))
		take_back(large);
}

/* Sends the answer in shared memory, or one that says why there is none. */
static void
send_answer(LargeMessage *large, QlmWorkerSlot *slot, int status, const char *problem)
{
	QlmLargeMessageSegment *segment = large->segment ? dsm_segment_address(large->segment) : NULL;
	QlmJob		job = {0};
	MemoryContext caller = MemoryContextSwitchTo(answer_context);
	dsm_segment *answer = NULL;

	job.body = large->request->body;
	job.body_len = large->request->body_len;
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
		pg_atomic_write_u32(&segment->state, QLM_LARGE_MESSAGE_FETCHED);
		SetLatch(&ProcGlobal->allProcs[segment->taker].procLatch);
	}
	else
		qlm_job_refuse(&job, status, problem ? problem :
					   "The answer to the message was lost, it may have been stored.");
	send(slot, large->request, &job);
	forget(large);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(answer_context);
}

/* Looks at the message that is run.  Returns whether there is more to do. */
static bool
look_at(LargeMessage *large, QlmWorkerSlot *slot)
{
	QlmLargeMessageSegment *segment = dsm_segment_address(large->segment);
	pid_t		pid;
	bool		stopped = GetBackgroundWorkerPid(large->process, &pid) == BGWH_STOPPED;
	uint32		state = pg_atomic_read_u32(&segment->state);

	if (state == QLM_LARGE_MESSAGE_DONE)
	{
		pg_read_barrier();
		send_answer(large, slot, 500, NULL);
		return true;
	}
	if (!stopped)
		return false;
	if (state == QLM_LARGE_MESSAGE_WAITING)
		take_back(large);
	else
		send_answer(large, slot, 500,
					"The process that ran the message has ended, it may have been stored.");
	return true;
}

void
qlm_large_message_run(QlmWorkerSlot *slot)
{
	while (!dlist_is_empty(&all))
	{
		LargeMessage	   *first = dlist_head_element(LargeMessage, node, &all);

		if (first->segment == NULL && qlm_web_server_time_left(first->request) <= 0)
			send_answer(first, slot, 503, "The message took longer than qlm.request_timeout.");
		else if (first->segment == NULL)
			start(first);
		else if (!look_at(first, slot))
			return;
	}
}

int64
qlm_large_message_due(void)
{
	if (dlist_is_empty(&all))
		return -1;
	return dlist_head_element(LargeMessage, node, &all)->segment ? LOOK_MS : 0;
}

/*
 * The client has disconnected.  A message that was started goes on, as it
 * would in the worker.
 */
bool
qlm_large_message_left(QlmHttpRequest *request)
{
	return request->elsewhere != NULL;
}

void
qlm_large_message_end(QlmWorkerSlot *slot)
{
	ended = true;
	while (!dlist_is_empty(&all))
	{
		LargeMessage	   *first = dlist_head_element(LargeMessage, node, &all);

		if (first->process)
			TerminateBackgroundWorker(first->process);
		send_answer(first, slot, 503, "The node stops; the message may have been stored.");
	}
}
