/*
 * wake.c
 *		Wakes sessions that wait for an answer, and qlm_await(), which waits,
 *		and has sent what its own transaction has queued.
 *
 * The storage layer notes in qlm_wake_pending what a transaction has done;
 * after its commit the latches of the interested are set.  A lost wake-up only
 * delays, since who waits also looks from time to time.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "process/interest.h"
#include "process/parcel.h"
#include "process/shmem.h"
#include "process/wake.h"
#include "storage/core/plan.h"
#include "storage/core/wake_key.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/outbox/outbox_reason.h"
#include "storage/peer/peer.h"

/* How long a wait lasts without being woken, with and without shared memory */
#define LOOK_SHARED_MS	5000
#define MENTION_AFTER_MS 1000	/* who has waited so long is told what for */
#define LOOK_ALONE_MS	50

static void
wake_waiting(uint32 what)
{
	int			i;

	if (what & QLM_WAKE_ENDED)
		pg_atomic_fetch_add_u64(&qlm_shared->nended, 1);
	if (what & QLM_WAKE_OUTBOX)
		pg_atomic_fetch_add_u64(&qlm_shared->noutbox, 1);
	if (what & QLM_WAKE_ROLE)
		pg_atomic_fetch_add_u64(&qlm_shared->nroles, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&qlm_shared->nwaiting) == 0)
		return;
	for (i = 0; i < qlm_shared->max_waiting; i++)
		if (pg_atomic_read_u32(&qlm_shared->waiting[i]) & what)
			SetLatch(&ProcGlobal->allProcs[i].procLatch);
	qlm_interest_wake();
}

static void
forget_pending(void)
{
	memset(qlm_wake_keys, 0, sizeof(qlm_wake_keys));
	qlm_wake_pending = 0;
}

/* Runs inside commit: no memory is taken and no error raised here. */
static void
at_xact_end(XactEvent event, void *arg)
{
	if (qlm_wake_pending == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			if (qlm_shared)
				wake_waiting((uint32) qlm_wake_pending);
			forget_pending();
			break;
		case XACT_EVENT_ABORT:
			forget_pending();
			break;
		default:
			break;
	}
}

void
qlm_wake_register(void)
{
	RegisterXactCallback(at_xact_end, NULL);
	qlm_peer_is_connected = qlm_interest_is_connected;
}

static pg_atomic_uint32 *
my_entry(void)
{
	return &qlm_shared->waiting[MyProc - ProcGlobal->allProcs];
}

static void
stop_waiting(int code, Datum arg)
{
	if (pg_atomic_exchange_u32(my_entry(), 0) != 0)
		pg_atomic_fetch_sub_u32(&qlm_shared->nwaiting, 1);
}

static void
start_waiting(uint32 what)
{
	if (pg_atomic_exchange_u32(my_entry(), what) == 0)
		pg_atomic_fetch_add_u32(&qlm_shared->nwaiting, 1);
}

uint64
qlm_wake_count(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->noutbox) : 0;
}

uint64
qlm_wake_role_count(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->nroles) : 0;
}

uint64
qlm_wake_ended(void)
{
	return qlm_shared ? pg_atomic_read_u64(&qlm_shared->nended) : 0;
}

bool
qlm_wake_listen(int what)
{
	if (qlm_shared == NULL)
		return false;
	before_shmem_exit(stop_waiting, (Datum) 0);
	start_waiting((uint32) what);
	return true;
}

/* What became of the message? */
static QlmOutcome
look(int64 message_id)
{
	MemoryContext caller = CurrentMemoryContext;
	QlmOutcome	outcome = {0};

	SPI_connect();
	MemoryContextSwitchTo(caller);
	outcome.found = qlm_outbox_outcome(message_id, &outcome) && outcome.found;
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return outcome;
}

static void
refuse_own(int64 message_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message %lld was queued by this transaction and has not left yet",
					(long long) message_id),
			 errhint("Commit first, or queue it and wait for it in the same block.")));
}

/*
 * A message of this very transaction, which others do not see: have it sent in
 * one that does not wait for ours.  Returns its id there, 0: not in time.
 */
static int64
send_apart(int64 message_id, TimestampTz deadline)
{
	MemoryContext caller = CurrentMemoryContext;
	QlmOutboxRow	message;
	int64		other_id = 0;

	if (deadline <= GetCurrentTimestamp())
		return 0;
	SPI_connect();
	MemoryContextSwitchTo(caller);
	if (!qlm_outbox_fetch(message_id, &message))
		refuse_own(message_id);
	other_id = qlm_parcel_send(&message, deadline);
	if (other_id != 0)
		qlm_outbox_sent_as(message_id, other_id);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return other_id;
}

static void
check_awaitable(int64 message_id, const QlmOutcome *outcome)
{
	if (!outcome->found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no message %lld in the outbox",
						(long long) message_id)));
	if (outcome->own && !outcome->final &&
		!(outcome->own_block && strcmp(outcome->state, "queued") == 0))
		refuse_own(message_id);
}

static Datum
result_of(int64 message_id, const QlmOutcome *outcome)
{
	if (strcmp(outcome->state, "answered") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("message %lld ended without an answer: %s",
						(long long) message_id, outcome->state),
				 outcome->error ? errdetail("%s", outcome->error) : 0,
				 errhint("qlm_requeue(%lld) sends it again.",
						 (long long) message_id)));

	/* The storage layer has checked it when it came: text is xml's own form. */
	return CStringGetTextDatum(outcome->answer ? outcome->answer : "");
}

/* Sleep until woken or until it is time to look again; false: time is up. */
static bool
sleep_until(TimestampTz deadline)
{
	long		remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
															deadline);
	long		look_ms = qlm_shared ? LOOK_SHARED_MS : LOOK_ALONE_MS;
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = qlm_wait_event_id("QlmAwait");
	if (remaining <= 0)
		return false;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(remaining, look_ms), wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* The answer, or NULL when the time is up */
static bool
await(int64 message_id, TimestampTz deadline, Datum *answer)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "qlm await",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	do
	{
		QlmOutcome	outcome;

		MemoryContextReset(scratch);
		outcome = look(message_id);
		check_awaitable(message_id, &outcome);
		if (outcome.own && !outcome.final)
			outcome.sent_as = send_apart(message_id, deadline);
		if (outcome.sent_as != 0)
		{
			message_id = outcome.sent_as;
			outcome = look(message_id);
			check_awaitable(message_id, &outcome);
		}
		if (outcome.final)
		{
			MemoryContextSwitchTo(caller);
			*answer = result_of(message_id, &outcome);
			MemoryContextDelete(scratch);
			return true;
		}
	} while (sleep_until(deadline));

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return false;
}

/* The same, and be woken by who commits an answer. */
static bool
await_woken(int64 message_id, TimestampTz deadline, Datum *answer)
{
	volatile bool found = false;

	PG_ENSURE_ERROR_CLEANUP(stop_waiting, (Datum) 0);
	{
		start_waiting(QLM_WAKE_ANSWER);
		found = await(message_id, deadline, answer);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, (Datum) 0);
	stop_waiting(0, (Datum) 0);
	return found;
}

/* The end of the wait; none given: no end */
static TimestampTz
deadline_of(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(argument)));
}

/* No answer came in time: why not? */
static void
mention_reason(int64 message_id)
{
	char	   *what_to_do;
	char	   *reason;

	qlm_storage_begin();
	reason = qlm_outbox_reason(message_id, &what_to_do);
	if (reason)
		ereport(NOTICE,
				(errmsg("there is no answer to request " INT64_FORMAT " yet: %s",
						message_id, reason),
				 what_to_do ? errhint("It may help to %s.", what_to_do) : 0));
	qlm_storage_end();
}

PG_FUNCTION_INFO_V1(qlm_sql_await);

/*
 * qlm_await(request_id bigint, timeout interval) returns xml
 */
Datum
qlm_sql_await(PG_FUNCTION_ARGS)
{
	int64		message_id;
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz deadline;
	Datum		answer;
	bool		found;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	message_id = PG_GETARG_INT64(0);
	deadline = deadline_of(fcinfo, 1);
	if (qlm_shared)
		found = await_woken(message_id, deadline, &answer);
	else
		found = await(message_id, deadline, &answer);
	if (found)
		return answer;
	if (TimestampDifferenceExceeds(start, deadline, MENTION_AFTER_MS))
		mention_reason(message_id);
	PG_RETURN_NULL();
}
