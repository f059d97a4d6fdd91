/*
 * loop.c
 *		The event loop of a worker, and how it handles SIGTERM.
 *
 * A worker that is asked to end finishes its current work first.  Work that
 * has lasted longer than GRACE_MS is interrupted, so that a lock that is never
 * granted does not hold up a shutdown or DROP DATABASE.
 */
#include "postgres.h"

#include <limits.h>
#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "process/loop.h"

#define GRACE_MS	1000

struct QlmLoop
{
	WaitEventSet *events;
	uint32		wait_event;
	int64		timeout;		/* ms, -1: none */
};

static volatile sig_atomic_t work_is_long = false;
static TimeoutId grace_timeout = MAX_TIMEOUTS;

static void
handle_stop(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	if (work_is_long)
	{
		InterruptPending = true;
		ProcDiePending = true;
	}
	SetLatch(MyLatch);
	errno = save_errno;
}

static void
handle_grace(void)
{
	work_is_long = true;
	if (ShutdownRequestPending)
	{
		InterruptPending = true;
		ProcDiePending = true;
		SetLatch(MyLatch);
	}
}

void
qlm_loop_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_stop);
	pqsignal(SIGPIPE, SIG_IGN);
	BackgroundWorkerUnblockSignals();
}

QlmLoop *
qlm_loop_create(int fd)
{
	QlmLoop    *loop = palloc0(sizeof(QlmLoop));

	loop->events = qlm_wait_event_set_create(3);
	loop->wait_event = qlm_wait_event_id("QlmWorkerMain");
	loop->timeout = -1;
	AddWaitEventToSet(loop->events, WL_LATCH_SET, PGINVALID_SOCKET,
					  MyLatch, NULL);
	AddWaitEventToSet(loop->events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	if (fd >= 0)
		AddWaitEventToSet(loop->events, WL_SOCKET_READABLE, fd, NULL, NULL);
	return loop;
}

void
qlm_loop_after(QlmLoop *loop, int64 milliseconds)
{
	milliseconds = Max(milliseconds, 0);
	if (loop->timeout < 0 || milliseconds < loop->timeout)
		loop->timeout = Min(milliseconds, INT_MAX);
}

void
qlm_loop_at(QlmLoop *loop, TimestampTz due)
{
	qlm_loop_after(loop,
				   TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due));
}

int
qlm_loop_wait(QlmLoop *loop)
{
	WaitEvent	events[3];
	int			n;
	int			i;
	int			result = 0;

	n = WaitEventSetWait(loop->events, (long) loop->timeout, events,
						 lengthof(events), loop->wait_event);
	loop->timeout = -1;
	for (i = 0; i < n; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (events[i].events & WL_SOCKET_READABLE)
			result |= QLM_LOOP_IO;
	}

	/* Between two pieces of work there is nothing to cancel. */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		result |= QLM_LOOP_RELOAD;
	}
	if (ShutdownRequestPending)
		result |= QLM_LOOP_STOP;
	return result;
}

/*
 * Uses the server's statement timeout, which interrupts waits and queries
 * alike and raises an ordinary error.
 */
void
qlm_loop_work_begin(int timeout_ms)
{
	EnableTimeoutParams timeouts[2];

	if (grace_timeout == MAX_TIMEOUTS)
		grace_timeout = RegisterTimeout(USER_TIMEOUT, handle_grace);
	work_is_long = false;

	timeouts[0].id = STATEMENT_TIMEOUT;
	timeouts[0].type = TMPARAM_AFTER;
	timeouts[0].delay_ms = Max(timeout_ms, 1);
	timeouts[1].id = grace_timeout;
	timeouts[1].type = TMPARAM_AFTER;
	timeouts[1].delay_ms = GRACE_MS;
	enable_timeouts(timeouts, lengthof(timeouts));
}

void
qlm_loop_work_end(void)
{
	disable_all_timeouts(false);
	work_is_long = false;
	QueryCancelPending = false;
}
