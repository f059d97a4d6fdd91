/*
 * statistics.c
 *		Takes statistics of qlm.value as a whole, for the planner.
 *
 * Autovacuum analyzes partitions, but not the partitioned table.  Without its
 * statistics joins with all values are planned by guesses.
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
 * Statistics are outdated when a fifth of the values has changed, as with
 * autovacuum, or after a day, as values move on in time.  They are not taken
 * again too soon.
 */
#define CHANGED_MIN		1000
#define CHANGED_PART	5
#define TOO_SOON		(10 * USECS_PER_MINUTE)
#define TOO_OLD			USECS_PER_DAY

/*
 * The number of values now, the number at the last ANALYZE, and the time of
 * that
 */
static QlmPlan look_plan = {
	"SELECT (SELECT COALESCE(pg_catalog.sum(GREATEST(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))), 0)::pg_catalog.float8"
	" FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = p.oid),"
	" p.reltuples::pg_catalog.float8, pg_catalog.pg_stat_get_last_analyze_time(p.oid)"
	" FROM pg_catalog.pg_class p WHERE p.oid = $1",
	1, {OIDOID}
};

/* When this process last found statistics outdated */
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

/*
 * Analyzes the parent alone: the command ANALYZE would process all partitions,
 * too.
 */
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
