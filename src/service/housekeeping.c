/*
 * housekeeping.c
 *		Deletes expired and surplus rows, in small steps.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/timestamp.h"

#include "service/housekeeping.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/outbox/journal.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_trim.h"
#include "storage/partition/partition_drain.h"
#include "storage/partition/partition_make.h"
#include "storage/peer/peer.h"
#include "storage/peer/peer_gone.h"
#include "storage/subscription/subscription_buffer.h"
#include "storage/value/retention.h"
#include "storage/value/statistics.h"

/*
 * Limits of rows for one step; their number is adapted so that a step takes
 * STEP_MS
 */
#define ROWS_MIN		50
#define ROWS_MAX		1000
#define STEP_MS			20

/* Returns true if there is more to do. */
typedef bool (*Chore) (int rows);

static bool
prepare_partitions(int rows)
{
	qlm_partition_ensure(GetCurrentTimestamp());
	return false;
}

static bool
expire_outbox_rows(int rows)
{
	return qlm_outbox_expire(rows) == rows;
}

static bool
expire_subscriptions(int rows)
{
	return qlm_subscription_expire(rows) == rows;
}

static bool
forget_values(int rows)
{
	return qlm_subscription_forget_values(rows) == rows;
}

/* Rows that were inserted for a peer while it was being dropped */
static bool
forget_gone_peers(int rows)
{
	static TimestampTz done_at = 0;
	static uint64 generation = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (done_at != 0 && now >= done_at && now < done_at + USECS_PER_MINUTE &&
		generation == qlm_catalog_generation(QLM_REL_PEER))
		return false;
	done_at = now;
	generation = qlm_catalog_generation(QLM_REL_PEER);
	(void) qlm_peer_forget_gone();
	return false;
}

static bool
trim_deliveries(int rows)
{
	return qlm_outbox_trim(rows) == rows;
}

static bool
trim_journal(int rows)
{
	qlm_journal_trim();
	return false;
}

static bool statistics_are_old = false;

static bool
look_at_statistics(int rows)
{
	statistics_are_old = qlm_statistics_are_old();
	return false;
}

bool
qlm_housekeeping_wants_statistics(void)
{
	bool		wants = statistics_are_old;

	statistics_are_old = false;
	return wants;
}

static const Chore chores[] = {
	prepare_partitions, expire_outbox_rows, expire_subscriptions, forget_gone_peers,
	forget_values, trim_deliveries, qlm_retention_step, trim_journal,
	look_at_statistics, qlm_partition_drain_step
};

static int
adapt_rows(int rows, TimestampTz began)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(began, now, STEP_MS))
		return Max(rows / 2, ROWS_MIN);
	if (!TimestampDifferenceExceeds(began, now, STEP_MS / 2))
		return Min(rows * 2, ROWS_MAX);
	return rows;
}

/*
 * Runs one chore after the other, each until it is done, as long as there is
 * time.  Commits need not be flushed: after a crash the work is done again.
 */
bool
qlm_housekeeping_step(void)
{
	static int	at = 0;
	static int	rows = ROWS_MIN * 4;
	TimestampTz began = GetCurrentTimestamp();
	bool		more = false;

	(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	qlm_storage_begin();
	do
	{
		more = chores[at] (rows);
		if (!more)
			at++;
	} while (!more && at < lengthof(chores) &&
			 !TimestampDifferenceExceeds(began, GetCurrentTimestamp(), STEP_MS / 4));
	qlm_storage_end();
	if (more)
		rows = adapt_rows(rows, began);
	more = at < lengthof(chores);
	if (!more)
		at = 0;
	return more;
}
