/*
 * statistics.c
 *		Statistics of qlm.value as a whole, for the planner.
 *
 * Autovacuum analyses partitions, but never what they are partitions of: without
 * statistics of that, joins with all values are planned by guesses.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "storage/bufmgr.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/value/statistics.h"

/*
 * It is old when a fifth of the values has come or gone, as autovacuum has it for
 * tables; after a day, as values move on in time; not sooner than after a while.
 */
#define CHANGED_MIN		1000
#define CHANGED_PART	5
#define TOO_SOON		(10 * USECS_PER_MINUTE)
#define TOO_OLD			USECS_PER_DAY

/* How many values there are by now, how many were when it was taken, and when that was */
static QlmPlan look_plan = {
	"SELECT (SELECT COALESCE(pg_catalog.sum(GREATEST(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))), 0)::pg_catalog.float8"
	" FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = p.oid),"
	" p.reltuples::pg_catalog.float8, pg_catalog.pg_stat_get_last_analyze_time(p.oid)"
	" FROM pg_catalog.pg_class p WHERE p.oid = $1",
	1, {OIDOID}
};

/* When this process found it old last */
static TimestampTz found_at = 0;

static bool
are_old(double now, double then, TimestampTz taken_at, TimestampTz time)
{
	if (taken_at != 0 && time - taken_at < TOO_SOON)
		return false;
	if (then < 0)
		return now >= CHANGED_MIN;
	return fabs(now - then) > Max(then / CHANGED_PART, CHANGED_MIN) ||
		(now > 0 && taken_at != 0 && time - taken_at > TOO_OLD);
}

bool
qlm_statistics_are_old(void)
{
	TimestampTz time = GetCurrentTimestamp();
	Datum		relid = ObjectIdGetDatum(qlm_catalog_relid(QLM_REL_VALUE));
	TimestampTz taken_at;
	bool		isnull;
	bool		old;

	if (found_at != 0 && time - found_at < TOO_SOON)
		return false;
	qlm_plan_execute(&look_plan, &relid, NULL, 1);
	taken_at = DatumGetTimestampTz(qlm_spi_datum(0, 3, &isnull));
	if (isnull)
		taken_at = 0;
	old = are_old(DatumGetFloat8(qlm_spi_datum(0, 1, &isnull)),
				  DatumGetFloat8(qlm_spi_datum(0, 2, &isnull)), taken_at, time);
	SPI_freetuptable(SPI_tuptable);
	if (old)
		found_at = time;
	return old;
}

/* The parent alone: ANALYZE would go through all partitions besides. */
void
qlm_statistics_take(void)
{
	VacuumParams params = {0};
	QlmRights	saved;

	params.options = VACOPT_ANALYZE | VACOPT_SKIP_LOCKED;
	params.log_min_duration = -1;
	qlm_rights_become_owner(&saved);
	analyze_rel(qlm_catalog_relid(QLM_REL_VALUE), NULL, &params, NIL, false,
				GetAccessStrategy(BAS_VACUUM));
	qlm_rights_restore(&saved);
}
