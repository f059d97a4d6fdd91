/*
 * subscription_tick.c
 *		Interval subscriptions with a callback: when their deliveries are due,
 *		and what gives way to a newer one.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/outbox/lease.h"

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
 * What a message that gives way has told of has not been told, so it counts
 * with it.
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

static QlmPlan look_plan = {
	"SELECT dropped, next_due IS NOT NULL FROM qlm.subscription"
	" WHERE request_id = $1",
	1, {INT8OID}
};

static QlmPlan some_plan = {
	"SELECT i.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS i (id, n)"
	" JOIN qlm.subscription s ON s.request_id = i.id"
	" WHERE (s.dropped > 0 OR s.next_due IS NOT NULL) IS TRUE",
	1, {INT8ARRAYOID}, QLM_PLAN_GENERIC
};

/* Who does not get the row without waiting leaves it to the next message. */
static QlmPlan take_plan = {
	"WITH mine AS (SELECT request_id, dropped FROM qlm.subscription"
	" WHERE request_id = $1 AND dropped > 0 FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.subscription s SET dropped = 0 FROM mine"
	" WHERE s.request_id = mine.request_id RETURNING mine.dropped",
	1, {INT8OID}
};

/* The count may miss some while somebody has the subscription in hand. */
static QlmPlan note_plan = {
	"UPDATE qlm.subscription SET dropped = dropped + 1 WHERE request_id ="
	" ANY (ARRAY(SELECT request_id FROM qlm.subscription"
	" WHERE request_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED))",
	1, {INT8ARRAYOID}
};

List *
qlm_tick_due(int max)
{
	List	   *ticks = NIL;
	Datum		values[2];
	QlmRights	saved;

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&ticks_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
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
 * The first point of the grid after now; 0: there is none in reach.  Counted
 * from the start each time, so that no error adds up.
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

static void
give_way(int64 request_id, int kept)
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
	give_way(request_id, 1);
	move_on(request_id);
	qlm_rights_restore(&saved);
}

/* How many are there, without taking them?  Is it a matter of ticks? */
static int64
look_at_dropped(int64 request_id, bool *by_ticks)
{
	Datum		values[1] = {Int64GetDatum(request_id)};
	int64		dropped = 0;
	bool		isnull;

	*by_ticks = false;
	qlm_plan_execute_indexed(&look_plan, values, NULL, 1);
	if (SPI_processed > 0)
	{
		dropped = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
		*by_ticks = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return dropped;
}

static int64
take(int64 request_id)
{
	Datum		values[1] = {Int64GetDatum(request_id)};
	int64		dropped = 0;
	bool		isnull;

	qlm_plan_execute_indexed(&take_plan, values, NULL, 0);
	if (SPI_processed > 0)
		dropped = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return dropped;
}

int64
qlm_dropped_take(int64 request_id)
{
	int64		dropped = 0;
	bool		by_ticks;
	QlmRights	saved;

	if (XactReadOnly || IsolationUsesXactSnapshot())
		return 0;
	qlm_rights_become_owner(&saved);
	dropped = look_at_dropped(request_id, &by_ticks);
	if (by_ticks)
		give_way(request_id, 0);
	if (dropped > 0 || by_ticks)
		dropped = take(request_id);
	qlm_rights_restore(&saved);
	return dropped;
}

void
qlm_dropped_any(const int64 *request_ids, int n, bool *some)
{
	Datum		values[1];
	QlmRights	saved;

	memset(some, 0, n * sizeof(bool));
	if (n == 0)
		return;
	values[0] = qlm_array_int8(request_ids, n);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&some_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		some[DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) - 1] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

void
qlm_dropped_add(const int64 *request_ids, int n)
{
	Datum		values[1];
	QlmRights	saved;

	if (n == 0 || IsolationUsesXactSnapshot())
		return;
	values[0] = qlm_array_int8(request_ids, n);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&note_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}
