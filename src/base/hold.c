/*
 * hold.c
 *		How long the way to a peer lets a request be held.
 */
#include "postgres.h"

#include "base/hold.h"

#define FASTEST_CUT_MS	1500	/* what ends earlier has another reason */
#define SLACK_MS		500		/* after its time a peer has answered */
#define MOST_SILENT		2		/* then nobody is there */
#define FIRST_PATIENCE	4
#define MOST_PATIENCE	512

void
qlm_hold_init(QlmHold *hold, int seconds, int cut_ms)
{
	hold->seconds = seconds > 0 ? Min(seconds, QLM_HOLD_MOST) : QLM_HOLD_MOST;
	hold->cut_ms = cut_ms;
	hold->silent = 0;
	hold->whole = 0;
	hold->patience = FIRST_PATIENCE;
}

static void
ask_for_less(QlmHold *hold, int held_ms)
{
	hold->cut_ms = held_ms;
	hold->seconds = Max(held_ms / 1000 * 4 / 5, 1);
	hold->whole = 0;
	hold->patience = Min(hold->patience * 2, MOST_PATIENCE);
}

bool
qlm_hold_was_cut(QlmHold *hold, int elapsed_ms)
{
	if (hold->seconds == 1 || elapsed_ms < FASTEST_CUT_MS ||
		elapsed_ms > hold->seconds * 1000 + SLACK_MS)
		return false;
	ask_for_less(hold, Min(elapsed_ms, hold->seconds * 1000));
	return true;
}

bool
qlm_hold_was_silent(QlmHold *hold)
{
	if (hold->seconds == 1 || ++hold->silent > MOST_SILENT)
		return false;
	ask_for_less(hold, hold->seconds * 1000);
	return true;
}

void
qlm_hold_was_answered(QlmHold *hold, int elapsed_ms)
{
	hold->silent = 0;
	if (hold->seconds >= QLM_HOLD_MOST || elapsed_ms < hold->seconds * 1000 - SLACK_MS ||
		++hold->whole < hold->patience)
		return;
	hold->whole = 0;
	hold->seconds = Min(hold->seconds + Max(hold->seconds / 4, 1), QLM_HOLD_MOST);
}
