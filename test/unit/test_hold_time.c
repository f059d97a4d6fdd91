/*
 * test_hold_time.c
 *		How long holds are asked for, on ways that cut them after some time.
 */
#include "postgres.h"


#include "shim.h"
#include "tap.h"

#include "base/hold_time.h"

typedef struct Way
{
	int			limit_ms;		/* it cuts what is held for longer */
	int			least;			/* s that are asked for at last, within */
	int			most;
	int			cuts;			/* at most until then */
} Way;

static const Way ways[] = {
	{60000, 25, 25, 0},
	{30000, 25, 25, 0},
	{20000, 12, 19, 3},
	{10000, 6, 9, 4},
	{5000, 3, 4, 4},
	{2000, 1, 1, 4}
};

/* One call that is held as long as was asked for; is it cut? */
static bool
is_cut(QlmHoldTime *hold, int limit_ms)
{
	if (hold->seconds * 1000 >= limit_ms)
		return qlm_hold_time_was_cut(hold, limit_ms, false);
	qlm_hold_time_was_answered(hold, hold->seconds * 1000);
	return false;
}

static int
count_cuts(QlmHoldTime *hold, int limit_ms, int ncalls)
{
	int			cuts = 0;

	while (ncalls-- > 0)
		cuts += is_cut(hold, limit_ms);
	return cuts;
}

static void
test_ways(void)
{
	for (int i = 0; i < lengthof(ways); i++)
	{
		const Way  *way = &ways[i];
		QlmHoldTime hold;
		int			cuts;

		qlm_hold_time_init(&hold, 0, 0);
		cuts = count_cuts(&hold, way->limit_ms, 12);
		tap_ok(cuts <= way->cuts, "a way of %d ms is learned in %d cuts", way->limit_ms, cuts);
		tap_ok(hold.seconds >= way->least && hold.seconds <= way->most,
			   "%d s are asked for then", hold.seconds);
		cuts = count_cuts(&hold, way->limit_ms, 2000);
		tap_ok(cuts <= 20, "of the next 2000 calls %d are cut", cuts);
	}
}

static void
test_better_way(void)
{
	QlmHoldTime hold;

	qlm_hold_time_init(&hold, 4, 5000);
	tap_ok(hold.seconds == 4, "what was known is remembered");
	(void) count_cuts(&hold, 60000, 2000);
	tap_ok(hold.seconds == QLM_HOLD_TIME_MOST, "a way that lets more through is used again");
}

/* The first one alone tells where a box has said that it waits no longer. */
static void
test_first_cut(void)
{
	QlmHoldTime hold;

	qlm_hold_time_init(&hold, 0, 0);
	tap_ok(qlm_hold_time_was_cut(&hold, 10000, true) && hold.seconds == 8, "a box that says so is believed");
	qlm_hold_time_init(&hold, 0, 0);
	tap_ok(qlm_hold_time_was_cut(&hold, 10000, false) && hold.seconds == QLM_HOLD_TIME_MOST, "an end may be a restart");
	qlm_hold_time_was_answered(&hold, 40);
	tap_ok(qlm_hold_time_was_cut(&hold, 12000, false) && hold.seconds == 9, "a second one is none");
	qlm_hold_time_init(&hold, 0, 0);
	(void) qlm_hold_time_was_cut(&hold, 10000, false);
	qlm_hold_time_was_answered(&hold, QLM_HOLD_TIME_MOST * 1000);
	tap_ok(qlm_hold_time_was_cut(&hold, 10000, false) && hold.seconds == QLM_HOLD_TIME_MOST, "unless one was held as long as was asked for between them");
	qlm_hold_time_init(&hold, 20, 10000);
	tap_ok(qlm_hold_time_was_cut(&hold, 10300, false) && hold.seconds == 8, "one after the time that is known is believed");
}

/* A server that was down behind a proxy looks like a limit, for some minutes. */
static void
test_outages(void)
{
	QlmHoldTime hold;
	int			seconds = 0;

	qlm_hold_time_init(&hold, 0, 0);
	for (int i = 0; i < 20; i++)
	{
		while (qlm_hold_time_was_cut(&hold, 3003, false))
			 /* 503 after some tries to connect */ ;
		for (seconds = 0; hold.seconds < QLM_HOLD_TIME_MOST && seconds < 36000; seconds += hold.seconds)
			qlm_hold_time_was_answered(&hold, hold.seconds * 1000);
	}
	tap_ok(seconds < 900, "after the twentieth outage as much is asked for as before within %d s", seconds);
}

/* A box that counts in whole seconds and allows 2 s, one of which may be over */
static void
test_early(void)
{
	QlmHoldTime hold;

	qlm_hold_time_init(&hold, 1, 2000);
	tap_ok(!qlm_hold_time_was_cut(&hold, 1200, true), "an early end is a failure where none was let through");
	qlm_hold_time_was_answered(&hold, 1000);
	tap_ok(qlm_hold_time_was_cut(&hold, 1200, true) && hold.seconds == 1, "one after some that were is none");
	tap_ok(!qlm_hold_time_was_cut(&hold, 1200, true), "the next one is");
	qlm_hold_time_was_answered(&hold, 1000);
	tap_ok(!qlm_hold_time_was_cut(&hold, 20, true), "and so is one at once");
	qlm_hold_time_init(&hold, 0, 0);
	qlm_hold_time_was_answered(&hold, QLM_HOLD_TIME_MOST * 1000);
	tap_ok(!qlm_hold_time_was_cut(&hold, 1200, true), "and one where nothing was ever cut");
}

/* Whatever ends calls, whenever it does: sooner or later it is a failure. */
static void
test_never_for_ever(void)
{
	QlmHoldTime hold;
	int			most = 0;

	for (int ms = 0; ms <= 30000; ms += 250)
	{
		int			n = 0;

		qlm_hold_time_init(&hold, 0, 0);
		while (n < 100 && qlm_hold_time_was_cut(&hold, ms, n % 3 == 0))
			n++;
		most = Max(most, n);
	}
	tap_ok(most <= 2, "a proxy that always ends calls after the same time is a failure after %d", most);
	qlm_hold_time_init(&hold, 0, 0);
	for (int i = 0; i < 40 && qlm_hold_time_was_cut(&hold, hold.seconds * 1000, false); i++)
		 /* just before each would be answered */ ;
	tap_ok(hold.seconds == 1, "so is one that ends each, however short");
	tap_ok(!qlm_hold_time_was_cut(&hold, 1500, true), "for good");
}

static void
test_silence(void)
{
	QlmHoldTime hold;

	qlm_hold_time_init(&hold, 0, 0);
	tap_ok(qlm_hold_time_was_silent(&hold) && hold.seconds == 12, "silence may be a network that forgets");
	tap_ok(qlm_hold_time_was_silent(&hold) && hold.seconds == 6, "which is shorter than that");
	tap_ok(!qlm_hold_time_was_silent(&hold) && hold.seconds == 3, "three times in a row are a failure, and yet less is asked for");
	tap_ok(!qlm_hold_time_was_silent(&hold) && !qlm_hold_time_was_silent(&hold) && hold.seconds == 1, "down to a second");
	qlm_hold_time_was_answered(&hold, 1000);
	(void) count_cuts(&hold, 60000, 420);
	tap_ok(hold.seconds == QLM_HOLD_TIME_MOST, "a peer that was gone is asked as before in the end");
	tap_ok(qlm_hold_time_was_silent(&hold), "and may be silent again");
}

static void
test_other_reasons(void)
{
	QlmHoldTime hold;

	qlm_hold_time_init(&hold, 0, 0);
	tap_ok(!qlm_hold_time_was_cut(&hold, 20, true), "a server that is down cuts nothing");
	tap_ok(!qlm_hold_time_was_cut(&hold, 30000, true), "nor does one that answers late with an error");
	tap_ok(hold.seconds == QLM_HOLD_TIME_MOST && hold.cut_ms == 0, "so as much is asked for as before");
	qlm_hold_time_init(&hold, 1, 0);
	tap_ok(!qlm_hold_time_was_cut(&hold, 1500, true) && !qlm_hold_time_was_silent(&hold), "a second is not too long for any");
	qlm_hold_time_init(&hold, 3600, -5);
	tap_ok(hold.seconds == QLM_HOLD_TIME_MOST && hold.cut_ms == 0, "what a row says is bounded");
}

int
main(void)
{
	test_ways();
	test_better_way();
	test_first_cut();
	test_outages();
	test_early();
	test_never_for_ever();
	test_silence();
	test_other_reasons();
	shim_reset();
	return tap_done();
}
