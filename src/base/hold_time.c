/*
 * hold_time.c
 *		How long the connection to a peer allows a request to be held.
 */
#include "postgres.h"

#include "base/hold_time.h"


#define FASTEST_CUT_MS	1500	/* an earlier end has another reason */
#define EARLIEST_CUT_MS	500		/* the same if only LITTLE is allowed */
#define LITTLE			2		/* s */
#define SLACK_MS		1000	/* how late a peer may answer */
#define WHOLE_MS		100		/* how early a peer may answer */
#define MOST_SILENT		2		/* after that nobody may be there */
#define FIRST_PATIENCE	4
#define MOST_PATIENCE	512
#define SILENT_TIMES	8

void
qlm_hold_time_init(QlmHoldTime *hold, int seconds, int cut_ms)
{
	memset(hold, 0, sizeof(QlmHoldTime));
	hold->seconds = seconds > 0 ? Min(seconds, QLM_HOLD_TIME_MOST) : QLM_HOLD_TIME_MOST;
	hold->cut_ms = Max(cut_ms, 0);
	hold->patience = FIRST_PATIENCE;
}

static void
grow_patience(QlmHoldTime *hold, int times)
{
	hold->whole = 0;
	hold->patience = Min(hold->patience * times, MOST_PATIENCE);
}

static bool
is_known(const QlmHoldTime *hold, int elapsed_ms)
{
	return hold->cut_ms > 0 &&
		abs(elapsed_ms - hold->cut_ms) <= Max(hold->cut_ms / 10, SLACK_MS);
}

/*
 * Proxies that count in whole seconds sometimes cut early.  If the connection
 * is known to allow little, one early cut in a row is not a failure.
 */
static bool
was_early(QlmHoldTime *hold, int elapsed_ms)
{
	bool		is_one = hold->is_through && hold->cut_ms > 0 && hold->seconds <= LITTLE &&
		elapsed_ms >= EARLIEST_CUT_MS;

	hold->is_through = false;
	return is_one;
}

bool
qlm_hold_time_was_cut(QlmHoldTime *hold, int elapsed_ms, bool is_said)
{
	if (elapsed_ms > hold->seconds * 1000 + SLACK_MS)
		return false;
	if (hold->seconds == 1 || elapsed_ms < FASTEST_CUT_MS)
		return was_early(hold, elapsed_ms);
	hold->is_through = false;
	elapsed_ms = Min(elapsed_ms, hold->seconds * 1000);
	if (!is_said && !is_known(hold, elapsed_ms) && hold->doubtful == 0)
	{
		hold->doubtful++;
		return true;
	}
	hold->doubtful = 0;
	hold->cut_ms = elapsed_ms;
	hold->seconds = Max(elapsed_ms / 1000 * 4 / 5, 1);
	grow_patience(hold, 2);
	return true;
}

/*
 * Each silent hold costs its whole time, and what was sent into it.  So holds
 * get shorter quickly, and longer ones are rarely tried.  Some in a row count
 * as one.
 */
bool
qlm_hold_time_was_silent(QlmHoldTime *hold)
{
	if (hold->seconds == 1)
		return false;
	hold->cut_ms = hold->seconds * 1000;
	hold->seconds /= 2;
	if (hold->silent == 0)
		grow_patience(hold, SILENT_TIMES);
	return ++hold->silent <= MOST_SILENT;
}

void
qlm_hold_time_was_answered(QlmHoldTime *hold, int elapsed_ms)
{
	hold->silent = 0;
	if (elapsed_ms < hold->seconds * 1000 - WHOLE_MS)
		return;
	hold->doubtful = 0;
	hold->is_through = true;
	if (hold->cut_ms > 0 && elapsed_ms > hold->cut_ms + SLACK_MS)
	{
		/* What was learned had another reason, or no longer applies. */
		hold->cut_ms = 0;
		hold->patience = FIRST_PATIENCE;
	}
	if (hold->seconds >= QLM_HOLD_TIME_MOST || ++hold->whole < hold->patience)
		return;
	hold->whole = 0;
	hold->seconds = Min(hold->seconds + Max(hold->seconds / 4, 1), QLM_HOLD_TIME_MOST);
}
