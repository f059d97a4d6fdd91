/*
 * linger.c
 *		Waits a moment for more requests, if that saves flushes.
 *
 * A transaction and its flush cost several times as much as a small request.
 * A few clients that send again as soon as they are answered would arrive one
 * after the other, and each would have a flush of its own.  So requests that
 * are ready wait for the clients answered last, for less time than a flush
 * takes.  If nobody comes, that is done more and more rarely.  Reads need no
 * flush, so they do not wait.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "worker/server/linger.h"

#define ENOUGH		32			/* requests that share a flush well */
#define STEP_US		40
#define MAX_STEPS	4
#define RECENT_US	1000		/* later clients are not waited for */
#define MAX_MISSES	8

static int	active = 0;			/* requests of the last turn, and during it */
static TimestampTz answered_at = 0;
static int	misses = 0;
static int	turns_to_skip = 0;

void
qlm_linger_run(QlmWebServer *server)
{
	int			wanted = Min(active, ENOUGH);
	int			first = qlm_web_server_waiting(server);
	int			n = first;

	if (n == 0 || n >= wanted ||
		GetCurrentTimestamp() - answered_at > RECENT_US)
		return;
	if (turns_to_skip > 0)
	{
		turns_to_skip--;
		return;
	}
	for (int step = 0; step < MAX_STEPS && n < wanted; step++)
	{
		int			before = n;

		pg_usleep(STEP_US);
		qlm_web_server_run(server);
		n = qlm_web_server_waiting(server);
		if (n == before)
			break;
	}
	misses = n > first ? 0 : Min(misses + 1, MAX_MISSES);
	turns_to_skip = misses > 1 ? 1 << misses : 0;
}

void
qlm_linger_note(const QlmWebServer *server, int nanswered)
{
	static XLogRecPtr flushed = InvalidXLogRecPtr;
	bool		wrote = XactLastCommitEnd != flushed;

	flushed = XactLastCommitEnd;
	active = wrote ? nanswered + qlm_web_server_waiting(server) : 0;
	answered_at = GetCurrentTimestamp();
}
