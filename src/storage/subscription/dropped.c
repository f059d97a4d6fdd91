/*
 * dropped.c
 *		Counts the values that a subscription has lost, until its next message
 *		reports them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"

#include "base/limits.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/subscription_tick.h"

/*
 * Trims only if the subscription's row can be locked without waiting.  Several
 * sessions would do the same work, and could deadlock.
 */
static QlmPlan trim_plan = {
	"WITH held AS (SELECT request_id FROM qlm.subscription WHERE request_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM qlm.subscription_value v USING held"
	" WHERE v.request_id = $1 AND v.request_id = held.request_id"
	" AND v.seq <= (SELECT seq FROM qlm.subscription_value WHERE request_id = $1"
	" ORDER BY seq DESC OFFSET $2 LIMIT 1) RETURNING 1),"
	" total AS (SELECT pg_catalog.count(*) + $3 AS n FROM gone)"
	" UPDATE qlm.subscription s SET dropped = s.dropped + total.n"
	" FROM held, total WHERE s.request_id = held.request_id AND total.n > 0"
	" RETURNING total.n",
	3, {INT8OID, INT8OID, INT8OID}
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

/*
 * If the row cannot be locked without waiting, the next message reports them.
 */
static QlmPlan take_plan = {
	"WITH mine AS (SELECT request_id, dropped FROM qlm.subscription"
	" WHERE request_id = $1 AND dropped > 0 FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.subscription s SET dropped = 0 FROM mine"
	" WHERE s.request_id = mine.request_id RETURNING mine.dropped",
	1, {INT8OID}
};

/* A subscription row locked by another session is not counted. */
static QlmPlan note_plan = {
	"UPDATE qlm.subscription SET dropped = dropped + 1 WHERE request_id ="
	" ANY (ARRAY(SELECT request_id FROM qlm.subscription"
	" WHERE request_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED))",
	1, {INT8ARRAYOID}
};

/*
 * Returns the number of lost values, without resetting it.  by_ticks: were
 * they lost because newer ones took their place?
 */
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
		qlm_tick_give_way(request_id, 0);
	if (dropped > 0 || by_ticks)
		dropped = take(request_id);
	qlm_rights_restore(&saved);
	return dropped;
}

void
qlm_dropped_any(const int64 *request_ids, int n, bool *some)
{
	Datum		values[1];

	memset(some, 0, n * sizeof(bool));
	if (n == 0)
		return;
	values[0] = qlm_array_int8(request_ids, n);
	qlm_plan_execute_as_owner(&some_plan, values, NULL);
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

	if (n == 0 || IsolationUsesXactSnapshot())
		return;
	values[0] = qlm_array_int8(request_ids, n);
	qlm_plan_execute_as_owner(&note_plan, values, NULL);
}

int64
qlm_subscription_trim(int64 request_id, int64 dropped)
{
	Datum		values[3];
	int64		n = 0;
	bool		isnull;

	values[0] = Int64GetDatum(request_id);
	values[1] = Int64GetDatum(qlm_poll_buffer_max);
	values[2] = Int64GetDatum(dropped);
	qlm_plan_execute_as_owner(&trim_plan, values, NULL);
	if (SPI_processed > 0)
		n = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return n;
}
