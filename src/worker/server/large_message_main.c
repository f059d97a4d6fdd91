/*
 * large_message_main.c
 *		Large messages run in processes of their own: the process itself.
 *
 * It runs one message, as a server worker would run it alone, and ends when
 * the worker has the answer.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/limits.h"
#include "process/loop.h"
#include "service/road/entry.h"
#include "storage/core/answer_size.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker.h"
#include "worker/server/failed_job.h"
#include "worker/server/large_message_main.h"
#include "worker/server/large_message_segment.h"

#define MAX_TRIES	3
#define LOOK_MS		1000

static void
run(void *arg)
{
	QlmJob	   *job = arg;

	if (qlm_worker_can_serve())
		qlm_jobs_run(&job, 1);
	else
		qlm_job_refuse(job, 503, qlm_worker_why_not());
}

static void
reset(QlmJob *job, const QlmLargeMessageSegment *segment)
{
	MemoryContext answer_context = job->answer_context;

	MemoryContextReset(answer_context);
	memset(job, 0, sizeof(QlmJob));
	job->answer_context = answer_context;
	job->body = qlm_large_message_text(segment, segment->body);
	job->body_len = segment->body_len;
	job->body_problem = qlm_large_message_text(segment, segment->body_problem);
	job->charset = qlm_large_message_text(segment, segment->charset);
	job->authorization = qlm_large_message_text(segment, segment->authorization);
	job->peer_name = qlm_large_message_text(segment, segment->peer_name);
	job->token = qlm_large_message_text(segment, segment->token);
	job->client = &segment->client;
	job->has_waited = segment->has_waited;
}

/*
 * The memory context is that of the try, so nothing is left of one that
 * failed.
 */
static void
run_message(QlmJob *job, const QlmLargeMessageSegment *segment)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  segment->timeout_ms);
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "qlm try",
												  ALLOCSET_DEFAULT_SIZES);
	QlmVerdict	verdict = QLM_VERDICT_LATE;
	char	   *message = "no time was left";

	for (int tries = 0; tries < MAX_TRIES; tries++)
	{
		int			left = (int) TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		reset(job, segment);
		qlm_answer_size_give_room((Size) qlm_max_answer_size);
		verdict = QLM_VERDICT_LATE;
		if (left <= 0)
			break;
		verdict = qlm_transaction_run(run, job, left, &message);
		if (verdict != QLM_VERDICT_AGAIN)
			break;
	}
	if (verdict == QLM_VERDICT_DONE)
		return;
	ereport(LOG, (errmsg("qlm could not run a message: %s", message)));
	message = pstrdup(message);
	reset(job, segment);
	qlm_failed_job_refuse(job, verdict, message);
}

static dsm_segment *
hand_over(const QlmJob *job, QlmLargeMessageSegment *segment)
{
	dsm_segment *answer = dsm_create(job->answer.len + 1, 0);
	char	   *text = dsm_segment_address(answer);

	if (job->answer.len > 0)
		memcpy(text, job->answer.data, job->answer.len);
	text[job->answer.len] = '\0';
	segment->status = job->status;
	segment->pause_ms = job->pause_ms;
	segment->was_wrong = job->was_wrong;
	segment->answer_len = job->answer.len;
	segment->answer = dsm_segment_handle(answer);
	pg_write_barrier();
	pg_atomic_write_u32(&segment->state, QLM_LARGE_MESSAGE_DONE);
	SetLatch(&ProcGlobal->allProcs[segment->sender].procLatch);
	return answer;
}

/* The answer is in memory of this process, so it must not end earlier. */
static void
wait_until_fetched(QlmLargeMessageSegment *segment)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = qlm_wait_event_id("QlmLargeMessage");
	while (pg_atomic_read_u32(&segment->state) == QLM_LARGE_MESSAGE_DONE &&
		   !ShutdownRequestPending && BackendPidGetProc(segment->sender_pid) != NULL)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, wait_event);
		ResetLatch(MyLatch);
	}
}

void
qlm_large_message_main(Datum handle)
{
	QlmWorkerOrder order;
	dsm_segment *shared;
	QlmLargeMessageSegment *segment;
	QlmJob		job = {0};
	uint32		state = QLM_LARGE_MESSAGE_WAITING;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(QlmWorkerOrder));
	qlm_loop_signals();
	qlm_worker_connect(&order, "qlm large message");
	MemoryContextSwitchTo(TopMemoryContext);
	shared = dsm_attach(DatumGetUInt32(handle));
	if (shared == NULL)
		proc_exit(0);
	dsm_pin_mapping(shared);
	segment = dsm_segment_address(shared);
	if (!pg_atomic_compare_exchange_u32(&segment->state, &state, QLM_LARGE_MESSAGE_TAKEN))
		proc_exit(0);
	segment->taker = MyProc - ProcGlobal->allProcs;
	pgstat_report_activity(STATE_RUNNING, "qlm: a large message");
	job.answer_context = AllocSetContextCreate(TopMemoryContext, "qlm answer",
											   ALLOCSET_DEFAULT_SIZES);
	run_message(&job, segment);
	(void) hand_over(&job, segment);
	pgstat_report_activity(STATE_IDLE, NULL);
	wait_until_fetched(segment);
	proc_exit(0);
}
