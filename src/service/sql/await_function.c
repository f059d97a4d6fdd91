/*
 * await_function.c
 *		qlm_await() waits for an answer.  A request of its own transaction is
 *		sent before.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "process/shmem.h"
#include "process/wake.h"
#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_autonomous.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/outbox/outbox_reason.h"

/* How long to sleep unless woken, with and without shared memory */
#define LOOK_SHARED_MS	5000
#define MENTION_AFTER_MS 1000	/* after that a NOTICE says why there is no answer */
#define LOOK_ALONE_MS	50

/* Returns what became of the request. */
static QlmOutcome
look(int64 message_id)
{
	QlmOutcome	outcome = {0};

	qlm_storage_begin();
	outcome.found = qlm_outbox_outcome(message_id, &outcome) && outcome.found;
	qlm_storage_end();
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
 * The request was queued in this transaction, so others cannot see it: has it
 * queued in a transaction of its own.  Returns its id there, or 0 if that took
 * too long.
 */
static int64
send_apart(int64 message_id, TimestampTz deadline)
{
	QlmOutboxRow	row;
	int64		other_id = 0;

	if (deadline <= GetCurrentTimestamp())
		return 0;
	qlm_storage_begin();
	if (!qlm_outbox_fetch(message_id, &row))
		refuse_own(message_id);
	other_id = qlm_autonomous_send(&row, deadline);
	if (other_id != 0)
		qlm_outbox_sent_as(message_id, other_id);
	qlm_storage_end();
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

	/* It was checked when it was stored, and xml is stored like text. */
	return CStringGetTextDatum(outcome->answer ? outcome->answer : "");
}

/*
 * Sleeps until woken or until it is time to look again.  Returns false if the
 * time is up.
 */
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

/* Fills in the answer.  Returns false if the time was up. */
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

/* The same, registered to be woken by the commit of an answer. */
static bool
await_woken(int64 message_id, TimestampTz deadline, Datum *answer)
{
	volatile bool found = false;

	PG_ENSURE_ERROR_CLEANUP(qlm_wake_ignore, (Datum) 0);
	{
		qlm_wake_expect(QLM_WAKE_ANSWER);
		found = await(message_id, deadline, answer);
	}
	PG_END_ENSURE_ERROR_CLEANUP(qlm_wake_ignore, (Datum) 0);
	qlm_wake_ignore(0, (Datum) 0);
	return found;
}

/* Returns the end of the wait; without a timeout there is none. */
static TimestampTz
deadline_of(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(argument)));
}

/* No answer came in time: raises a NOTICE that says why. */
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
