/*
 * test_hold.c
 *		How long holds are asked for, on ways that cut them after some time.
 */
#include "postgres.h"

#include "base/hold.h"

#include "shim.h"
#include "tap.h"

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
	{20000, 12, 19, 2},
	{10000, 6, 9, 2},
	{5000, 3, 4, 2},
	{2000, 1, 1, 2}
};

/* One call that is held as long as was asked for; is it cut? */
static bool
is_cut(QlmHold *hold, int limit_ms)
{
	if (hold->seconds * 1000 >= limit_ms)
		return qlm_hold_was_cut(hold, limit_ms);
	qlm_hold_was_answered(hold, hold->seconds * 1000);
	return false;
}

static int
count_cuts(QlmHold *hold, int limit_ms, int ncalls)
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
		QlmHold		hold;
		int			cuts;

		qlm_hold_init(&hold, 0, 0);
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
	QlmHold		hold;

	qlm_hold_init(&hold, 4, 5000);
	tap_ok(hold.seconds == 4, "what was known is remembered");
	(void) count_cuts(&hold, 60000, 2000);
	tap_ok(hold.seconds == QLM_HOLD_MOST, "a way that lets more through is used again");
}

static void
test_other_reasons(void)
{
	QlmHold		hold;

	qlm_hold_init(&hold, 0, 0);
	tap_ok(!qlm_hold_was_cut(&hold, 20), "a server that is down cuts nothing");
	tap_ok(!qlm_hold_was_cut(&hold, 30000), "nor does one that answers late with an error");
	tap_ok(hold.seconds == QLM_HOLD_MOST, "so as much is asked for as before");
	tap_ok(qlm_hold_was_silent(&hold) && qlm_hold_was_silent(&hold), "silence may be a network that forgets");
	tap_ok(!qlm_hold_was_silent(&hold), "but not three times in a row");
	qlm_hold_was_answered(&hold, 10);
	tap_ok(qlm_hold_was_silent(&hold), "after an answer it may be again");
	qlm_hold_init(&hold, 1, 0);
	tap_ok(!qlm_hold_was_cut(&hold, 1500) && !qlm_hold_was_silent(&hold), "a second is not too long for any");
}

int
main(void)
{
	test_ways();
	test_better_way();
	test_other_reasons();
	shim_reset();
	return tap_done();
}
