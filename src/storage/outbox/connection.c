/*
 * connection.c
 *		WebSocket connections of callers: the rows to be pushed on them, and
 *		their end.
 *
 * Rows that were pushed are deleted, not marked: nobody acknowledges them, and
 * the subscriptions of a broken connection end with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox_sql.h"

/* Limits for one connection, until it is checked again whether it has room */
#define TAKE_MESSAGES	64
#define TAKE_BYTES		(256 * 1024)

#define IS_CONNECTION(column) column " LIKE '" QLM_CONNECTION_PREFIX "%'"

/*
 * Rows whose ttl, subscription or subscriber's role has ended are deleted
 * without being pushed.
 */
static QlmPlan take_plan = {
	"WITH due AS MATERIALIZED (SELECT c.n, o.message_id"
	" FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS c (name, n),"
	" LATERAL (SELECT m.message_id, pg_catalog.sum(pg_catalog.octet_length(m.envelope))"
	" OVER (ORDER BY m.priority DESC, m.seq ROWS BETWEEN UNBOUNDED PRECEDING"
	" AND 1 PRECEDING) AS before FROM (SELECT message_id, envelope, priority, seq"
	" FROM qlm.outbox WHERE url = c.name AND peer_id = 0 AND url IS NOT NULL"
	" AND state IN ('queued', 'sent') ORDER BY priority DESC, seq LIMIT $2) AS m) AS o"
	" WHERE (o.before >= $3) IS NOT TRUE),"
	" held AS (SELECT message_id FROM qlm.outbox WHERE message_id ="
	" ANY (ARRAY(SELECT message_id FROM due))"
	" AND " QLM_IS_LIVE("") " FOR UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM qlm.outbox WHERE message_id ="
	" ANY (ARRAY(SELECT message_id FROM held))"
	" RETURNING message_id, envelope, priority, seq, subscription_id, expires_at),"
	" told AS MATERIALIZED (SELECT g.*, g.expires_at > $4 AND (g.subscription_id IS NULL"
	" OR EXISTS (SELECT FROM qlm.subscription s"
	" JOIN pg_catalog.pg_roles a ON a.oid = (s.role_id & 4294967295)::pg_catalog.oid"
	" WHERE s.request_id = g.subscription_id AND s.expires_at > $4)) AS is_pushed"
	" FROM gone g),"
	" counted AS MATERIALIZED (SELECT subscription_id, pg_catalog.count(*) AS n FROM told"
	" WHERE is_pushed AND subscription_id IS NOT NULL GROUP BY subscription_id),"
	" mine AS (SELECT request_id FROM qlm.subscription WHERE request_id ="
	" ANY (ARRAY(SELECT subscription_id FROM counted)) FOR NO KEY UPDATE SKIP LOCKED),"
	" noted AS (UPDATE qlm.subscription s SET deliveries = s.deliveries + counted.n"
	" FROM mine JOIN counted ON counted.subscription_id = mine.request_id"
	" WHERE s.request_id = mine.request_id)"
	" SELECT due.n, told.envelope, told.is_pushed FROM told"
	" JOIN due USING (message_id) ORDER BY told.priority DESC, told.seq",
	4, {TEXTARRAYOID, INT8OID, INT8OID, TIMESTAMPTZOID}, QLM_PLAN_GENERIC
};

static QlmPlan end_messages_plan = {
	"DELETE FROM qlm.outbox WHERE message_id = ANY (ARRAY(SELECT message_id"
	" FROM qlm.outbox WHERE url = ANY ($1) AND url IS NOT NULL"
	" AND state IN ('queued', 'sent') FOR UPDATE SKIP LOCKED))",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan end_subscriptions_plan = {
	"DELETE FROM qlm.subscription WHERE request_id = ANY (ARRAY("
	"SELECT request_id FROM qlm.subscription WHERE callback = ANY ($1)"
	" AND " IS_CONNECTION("callback") " FOR UPDATE SKIP LOCKED))",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

/*
 * The requests that these collections wait for go on, but the answers are
 * dropped.
 */
static QlmPlan end_gatherings_plan = {
	"WITH gone AS (DELETE FROM qlm.gathering WHERE request_id = ANY (ARRAY("
	"SELECT request_id FROM qlm.gathering WHERE callback = ANY ($1)"
	" AND " IS_CONNECTION("callback") " FOR UPDATE SKIP LOCKED)) RETURNING request_id)"
	" UPDATE qlm.outbox AS o SET awaited_by = NULL FROM gone"
	" WHERE o.awaited_by = gone.request_id",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan left_plan = {
	"SELECT FROM qlm.subscription WHERE callback = ANY ($1)"
	" AND " IS_CONNECTION("callback")
	" UNION ALL"
	" SELECT FROM qlm.gathering WHERE callback = ANY ($1)"
	" AND " IS_CONNECTION("callback")
	" UNION ALL"
	" SELECT FROM qlm.outbox WHERE url = ANY ($1) AND url IS NOT NULL"
	" AND state IN ('queued', 'sent') LIMIT 1",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

/*
 * Each name in the outbox is found by an index probe that starts from the one
 * before.
 */
static QlmPlan names_plan = {
	"WITH RECURSIVE u AS ("
	"(SELECT url FROM qlm.outbox WHERE state IN ('queued', 'sent')"
	" AND url IS NOT NULL AND url >= '~' AND url < '~~' ORDER BY url LIMIT 1)"
	" UNION ALL"
	" SELECT (SELECT o.url FROM qlm.outbox o WHERE o.state IN ('queued', 'sent')"
	" AND o.url > u.url AND o.url < '~~' ORDER BY o.url LIMIT 1)"
	" FROM u WHERE u.url IS NOT NULL)"
	" SELECT url FROM u WHERE url IS NOT NULL"
	" UNION"
	" SELECT callback FROM qlm.subscription WHERE " IS_CONNECTION("callback")
	" UNION"
	" SELECT callback FROM qlm.gathering WHERE " IS_CONNECTION("callback"),
	0, {0}
};

bool
qlm_is_connection(const char *url)
{
	return strncmp(url, QLM_CONNECTION_PREFIX, strlen(QLM_CONNECTION_PREFIX)) == 0;
}

void
qlm_connection_name(char name[QLM_CONNECTION_NAME_SIZE], int worker)
{
	uint64		random;

	if (!pg_strong_random(&random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	snprintf(name, QLM_CONNECTION_NAME_SIZE, QLM_CONNECTION_PREFIX "%d-%016llx",
			 worker, (unsigned long long) random);
}

int
qlm_connection_worker(const char *name)
{
	return qlm_is_connection(name) ?
		atoi(name + strlen(QLM_CONNECTION_PREFIX)) : 0;
}

List *
qlm_connection_take(const char **names, int n, bool *more)
{
	int		   *taken = palloc0(n * sizeof(int));
	Size	   *size = palloc0(n * sizeof(Size));
	List	   *pushes = NIL;
	Datum		values[4];

	memset(more, 0, n * sizeof(bool));
	if (n == 0 || XactReadOnly)
		return NIL;
	values[0] = qlm_array_text(names, n);
	values[1] = Int64GetDatum(TAKE_MESSAGES);
	values[2] = Int64GetDatum(TAKE_BYTES);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_as_owner(&take_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		QlmPush    *push = palloc(sizeof(QlmPush));

		push->connection = (int) DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) - 1;
		push->envelope = qlm_spi_text(row, 2);
		size[push->connection] += strlen(push->envelope);
		if (++taken[push->connection] == TAKE_MESSAGES ||
			size[push->connection] >= TAKE_BYTES)
			more[push->connection] = true;
		if (DatumGetBool(qlm_spi_datum(row, 3, &isnull)))
			pushes = lappend(pushes, push);
	}
	SPI_freetuptable(SPI_tuptable);
	return pushes;
}

bool
qlm_connection_end(const char **names, int n)
{
	Datum		values[1];
	QlmRights	saved;
	bool		ended;

	if (n == 0 || XactReadOnly)
		return true;
	values[0] = qlm_array_text(names, n);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&end_subscriptions_plan, values, NULL, 0);
	qlm_plan_execute_indexed(&end_gatherings_plan, values, NULL, 0);
	qlm_plan_execute_indexed(&end_messages_plan, values, NULL, 0);
	qlm_plan_execute_indexed(&left_plan, values, NULL, 1);
	ended = SPI_processed == 0;
	SPI_freetuptable(SPI_tuptable);
	qlm_rights_restore(&saved);
	return ended;
}

List *
qlm_connection_names(void)
{
	List	   *names = NIL;

	if (XactReadOnly)
		return NIL;
	qlm_plan_execute_as_owner(&names_plan, NULL, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
		names = lappend(names, qlm_spi_text(row, 1));
	SPI_freetuptable(SPI_tuptable);
	return names;
}
