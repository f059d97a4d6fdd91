/*
 * subscription_tick.c
 *		Interval subscriptions with a callback: their ticks, and older rows
 *		that make way for newer ones.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/subscription/subscription_tick.h"

static QlmPlan ticks_plan = {
	"SELECT request_id, next_due FROM qlm.subscription WHERE next_due <= $1"
	" AND (expires_at > $1) IS TRUE ORDER BY next_due LIMIT $2",
	2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan grid_plan = {
	"SELECT created_at, \"interval\" FROM qlm.subscription"
	" WHERE request_id = $1 AND next_due IS NOT NULL FOR NO KEY UPDATE",
	1, {INT8OID}
};

static QlmPlan move_plan = {
	"UPDATE qlm.subscription SET next_due = $2 WHERE request_id = $1",
	2, {INT8OID, TIMESTAMPTZOID}
};

/*
 * A row may report values that were dropped before it.  If it is cancelled,
 * these count again with it.
 */
static QlmPlan give_way_plan = {
	"WITH gone AS (UPDATE qlm.outbox SET state = 'cancelled',"
	" next_attempt_at = NULL, last_error = 'a newer delivery took its place'"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM qlm.outbox"
	" WHERE subscription_id = $1 AND state = 'queued'"
	" ORDER BY seq DESC OFFSET $2 FOR UPDATE SKIP LOCKED)) RETURNING dropped)"
	" UPDATE qlm.subscription s SET dropped = s.dropped + g.n"
	" FROM (SELECT pg_catalog.count(*) + COALESCE(pg_catalog.sum(dropped), 0) AS n"
	" FROM gone) AS g WHERE s.request_id = $1 AND g.n > 0",
	2, {INT8OID, INT8OID}
};

List *
qlm_tick_due(int max)
{
	List	   *ticks = NIL;
	Datum		values[2];

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	qlm_plan_execute_as_owner(&ticks_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmTick    *tick = palloc(sizeof(QlmTick));
		bool		isnull;

		tick->request_id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
		tick->due = DatumGetTimestampTz(qlm_spi_datum(row, 2, &isnull));
		ticks = lappend(ticks, tick);
	}
	SPI_freetuptable(SPI_tuptable);
	return ticks;
}

/*
 * Returns the first point of the grid after now, or 0 if it is out of range.
 * It is counted from the start, so errors do not add up.
 */
static TimestampTz
next_point(TimestampTz start, double interval, TimestampTz now)
{
	double		step = interval * USECS_PER_SEC;
	double		k = Max(floor((double) (now - start) / step) + 1, 1);
	double		point = (double) start + rint(k * step);

	if (point <= (double) now)
		point = (double) start + rint((k + 1) * step);
	return point < (double) END_TIMESTAMP ? (TimestampTz) point : 0;
}

void
qlm_tick_give_way(int64 request_id, int kept)
{
	Datum		values[2];

	values[0] = Int64GetDatum(request_id);
	values[1] = Int64GetDatum(kept);
	qlm_plan_execute_indexed(&give_way_plan, values, NULL, 0);
}

static void
move_on(int64 request_id)
{
	Datum		values[2] = {Int64GetDatum(request_id)};
	char		nulls[] = "  ";
	TimestampTz next;
	bool		isnull;

	qlm_plan_execute_indexed(&grid_plan, values, NULL, 1);
	if (SPI_processed > 0)
	{
		next = next_point(DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull)),
						  DatumGetFloat8(qlm_spi_datum(0, 2, &isnull)),
						  GetCurrentTimestamp());
		SPI_freetuptable(SPI_tuptable);
		values[1] = TimestampTzGetDatum(next);
		nulls[1] = next != 0 ? ' ' : 'n';
		qlm_plan_execute_indexed(&move_plan, values, nulls, 0);
	}
}

void
qlm_tick_done(int64 request_id)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_tick_give_way(request_id, 1);
	move_on(request_id);
	qlm_rights_restore(&saved);
}
