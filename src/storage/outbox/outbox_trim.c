/*
 * outbox_trim.c
 *		Deletes surplus rows of the outbox and its tables, in small steps.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/executed.h"
#include "storage/outbox/outbox_trim.h"

#define BOUNDS_HOLD		USECS_PER_MINUTE
#define ENDPOINT_KEPT	(30 * USECS_PER_DAY)	/* since the last attempt */
#define LARGE_KEPT		1000	/* rows that are larger than 64 kB */

static QlmPlan forget_plan = {
	"DELETE FROM qlm.executed WHERE ctid = ANY (ARRAY(SELECT ctid"
	" FROM qlm.executed WHERE executed_at <= $1 ORDER BY executed_at"
	" LIMIT $2 FOR UPDATE SKIP LOCKED))",
	2, {TIMESTAMPTZOID, INT8OID}
};

/*
 * The seq up to which finished rows are surplus.  Requests and responses are
 * counted separately, so that many events do not push answers out.
 */
static QlmPlan bound_plan = {
	"SELECT (SELECT b.seq FROM qlm.outbox b WHERE b.kind = k.kind"
	" AND b.state NOT IN ('queued', 'sent') ORDER BY b.seq DESC OFFSET $1 LIMIT 1)"
	" FROM ROWS FROM (pg_catalog.unnest('{request,response}'::pg_catalog.text[]))"
	" WITH ORDINALITY AS k (kind, n) ORDER BY k.n",
	1, {INT8OID}
};

/*
 * IS TRUE, here and below, keeps the planner from any index but that on the
 * id.
 */
static QlmPlan finished_plan = {
	"DELETE FROM qlm.outbox WHERE message_id = ANY (ARRAY(SELECT o.message_id"
	" FROM ROWS FROM (pg_catalog.unnest('{request,response}'::pg_catalog.text[]),"
	" pg_catalog.unnest($1)) AS k (kind, bound),"
	" LATERAL (SELECT message_id FROM qlm.outbox m WHERE m.kind = k.kind"
	" AND m.state NOT IN ('queued', 'sent') AND m.seq <= k.bound"
	" ORDER BY m.seq LIMIT $2) AS o LIMIT $2))"
	" AND (state NOT IN ('queued', 'sent')) IS TRUE",
	2, {INT8ARRAYOID, INT8OID}
};

#define IS_LARGE "pg_catalog.octet_length(envelope) +" \
	" pg_catalog.octet_length(COALESCE(answer, '')) > 65536"

static QlmPlan large_plan = {
	"DELETE FROM qlm.outbox WHERE message_id = ANY (ARRAY(SELECT message_id"
	" FROM qlm.outbox WHERE state NOT IN ('queued', 'sent') AND " IS_LARGE
	" ORDER BY seq DESC OFFSET $1 LIMIT $2))"
	" AND (state NOT IN ('queued', 'sent')) IS TRUE",
	2, {INT8OID, INT8OID}
};

static QlmPlan idle_plan = {
	"DELETE FROM qlm.endpoint d USING (SELECT e.url, e.peer_id"
	" FROM qlm.endpoint e WHERE GREATEST(e.last_success, e.last_failure) < $1"
	" AND NOT EXISTS (SELECT FROM qlm.outbox o WHERE o.url = e.url"
	" AND o.peer_id = e.peer_id AND o.state IN ('queued', 'sent')) LIMIT $2) AS i"
	" WHERE d.url = i.url AND d.peer_id = i.peer_id",
	2, {TIMESTAMPTZOID, INT8OID}
};

/*
 * A row may report data that were dropped before it; these count again with
 * it.  A session that ends a subscription locks it first and then its rows, so
 * this does the same.  Subscriptions that are locked are left for later.
 */
static QlmPlan full_plan = {
	"WITH RECURSIVE s (id) AS ("
	"(SELECT subscription_id FROM qlm.outbox WHERE state = 'queued'"
	" AND subscription_id IS NOT NULL ORDER BY subscription_id LIMIT 1)"
	" UNION ALL"
	" SELECT (SELECT o.subscription_id FROM qlm.outbox o WHERE o.state = 'queued'"
	" AND o.subscription_id > s.id ORDER BY o.subscription_id LIMIT 1)"
	" FROM s WHERE s.id IS NOT NULL),"
	" past AS (SELECT o.message_id, s.id FROM s,"
	" LATERAL (SELECT b.seq FROM qlm.outbox b WHERE b.subscription_id = s.id"
	" AND b.state = 'queued' ORDER BY b.seq DESC OFFSET $1 LIMIT 1) AS bound,"
	" LATERAL (SELECT m.message_id FROM qlm.outbox m"
	" WHERE m.subscription_id = s.id AND m.state = 'queued'"
	" AND m.seq <= bound.seq ORDER BY m.seq LIMIT $2) AS o LIMIT $2),"
	" mine AS (SELECT request_id FROM qlm.subscription WHERE request_id ="
	" ANY (ARRAY(SELECT id FROM past)) FOR NO KEY UPDATE SKIP LOCKED),"
	" held AS (SELECT message_id FROM qlm.outbox WHERE message_id ="
	" ANY (ARRAY(SELECT message_id FROM past WHERE id = ANY (ARRAY(SELECT request_id FROM mine))))"
	" AND (state = 'queued') IS TRUE"
	" FOR UPDATE SKIP LOCKED),"
	" gone AS (UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL,"
	" last_error = 'too many messages of this subscription were waiting'"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM held))"
	" RETURNING subscription_id, dropped),"
	" counted AS (UPDATE qlm.subscription s SET dropped = s.dropped + g.n"
	" FROM (SELECT subscription_id, pg_catalog.count(*) + pg_catalog.sum(dropped) AS n"
	" FROM gone GROUP BY subscription_id) AS g"
	" WHERE s.request_id = g.subscription_id)"
	" SELECT FROM gone",
	2, {INT8OID, INT8OID}
};

/*
 * A tick further away than one interval was set before the clock was set back.
 */
static QlmPlan clock_plan = {
	"UPDATE qlm.subscription SET next_due = $1"
	" WHERE next_due > $1 AND next_due > created_at"
	" AND pg_catalog.date_part('epoch', next_due - $1) > \"interval\" + 1",
	1, {TIMESTAMPTZOID}
};

/* The same for sent rows that are due later than any pause allows */
static QlmPlan wait_plan = {
	"UPDATE qlm.outbox SET next_attempt_at = $1"
	" WHERE state = 'sent' AND NOT posting AND next_attempt_at > $2",
	2, {TIMESTAMPTZOID, TIMESTAMPTZOID}
};

static int
run(QlmPlan *plan, Datum bound, int max)
{
	Datum		values[2];

	if (max <= 0)
		return 0;
	values[0] = bound;
	values[1] = Int64GetDatum(max);
	qlm_plan_execute_indexed(plan, values, NULL, 0);
	return (int) SPI_processed;
}

/*
 * Finding the bounds counts all rows that are kept, so they are reused for a
 * while.
 */
static Datum
finished_bounds(TimestampTz now)
{
	static int64 bounds[2] = {0, 0};
	static TimestampTz found_at = 0;
	Datum		values[1] = {Int64GetDatum(qlm_finished_kept)};

	if (found_at == 0 || now < found_at || now >= found_at + BOUNDS_HOLD)
	{
		qlm_plan_execute_indexed(&bound_plan, values, NULL, 0);
		for (int i = 0; i < lengthof(bounds); i++)
		{
			bool		isnull;
			Datum		bound = qlm_spi_datum(i, 1, &isnull);

			bounds[i] = isnull ? 0 : DatumGetInt64(bound);
		}
		SPI_freetuptable(SPI_tuptable);
		found_at = now;
	}
	return qlm_array_int8(bounds, lengthof(bounds));
}

static void
survive_clock_steps(TimestampTz now)
{
	int			longest = Max(qlm_retry_delay, qlm_retry_max_delay);
	Datum		values[2];

	values[0] = TimestampTzGetDatum(now);
	values[1] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, longest));
	qlm_plan_execute_indexed(&clock_plan, values, NULL, 0);
	qlm_plan_execute_indexed(&wait_plan, values, NULL, 0);
}

int
qlm_outbox_trim(int max)
{
	TimestampTz now = GetCurrentTimestamp();
	QlmRights	saved;
	int			n;

	if (XactReadOnly)
		return 0;
	qlm_rights_become_owner(&saved);
	n = run(&forget_plan, TimestampTzGetDatum(now - QLM_REMEMBERED_FOR), max);
	n += run(&full_plan, Int64GetDatum(qlm_poll_buffer_max), max - n);
	n += run(&finished_plan, finished_bounds(now), max - n);
	n += run(&large_plan, Int64GetDatum(LARGE_KEPT), max - n);
	n += run(&idle_plan, TimestampTzGetDatum(now - ENDPOINT_KEPT), max - n);
	n += qlm_endpoint_trim(max - n);
	survive_clock_steps(now);
	qlm_rights_restore(&saved);
	return n;
}
