/*
 * endpoint_due.c
 *		Finds the endpoints that have something due.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/endpoint_due.h"
#include "storage/outbox/outbox_sql.h"

/*
 * The asker is the peer in whose name a row was queued; without one it is the
 * role.
 */
#define ASKER \
	"CASE WHEN o.asker_peer_id <> 0 THEN 'p' || o.asker_peer_id" \
	" WHEN o.peer_id <> 0 THEN 'p' || o.peer_id ELSE 'r' || o.asker_role END AS asker"

/* Must be the same as qlm_endpoint_key. */
#define KEY(url, peer) "pg_catalog.concat(" peer ", ' ', " url ")"

/*
 * Rows of a dropped peer count for no endpoint.  A peer whose role was dropped
 * is not called, as its answer could not be executed.  Parameters: $1 keys to
 * leave out, $2 now, $3 limit, $4 latest end of a pause
 */
#define DUE(urls, peers) \
	urls ", place AS (SELECT u.url, u.peer_id, (p.url = u.url) IS TRUE AS own," \
	" true AS by_url FROM u LEFT JOIN qlm.peer p ON p.peer_id = u.peer_id" \
	" WHERE u.peer_id = 0 OR p.peer_id IS NOT NULL" \
	" UNION ALL" \
	" SELECT p.url, p.peer_id, true, false FROM qlm.peer p WHERE p.url IS NOT NULL" \
	" AND p.role IS NOT NULL" peers ")," \
	" due AS (SELECT DISTINCT ON (place.url, place.peer_id) place.url, place.peer_id," \
	" place.own, first.asker," \
	" first.created_at, first.subscribed, COALESCE(e.failures, 0) AS failures," \
	" COALESCE(e.failures, 0) = 0 AND (place.own" \
	" OR e.last_success IS NOT NULL) AS proven FROM place" \
	" LEFT JOIN qlm.endpoint e ON e.url = place.url AND e.peer_id = place.peer_id" \
	" CROSS JOIN LATERAL (" \
	"(SELECT o.created_at, " ASKER ", o.subscription_id IS NOT NULL AS subscribed FROM qlm.outbox o WHERE place.by_url" \
	" AND o.url = place.url AND o.peer_id = place.peer_id AND " QLM_IS_WAITING("o.", "$2") \
	" ORDER BY o.priority DESC, o.seq LIMIT 1)" \
	" UNION ALL" \
	" (SELECT o.created_at, 'p' || o.peer_id, false FROM qlm.outbox o WHERE NOT place.by_url" \
	" AND o.peer_id = place.peer_id AND o.url IS NULL AND " QLM_IS_WAITING("o.", "$2") \
	" ORDER BY o.priority DESC, o.seq LIMIT 1)) AS first" \
	" WHERE " KEY("place.url", "place.peer_id") " <> ALL ($1)" \
	" AND (place.by_url AND " QLM_ENDPOINT_IS_HELD("place.url", "place.peer_id", "$2") ") IS NOT TRUE" \
	" AND (e.paused_until IS NULL OR e.paused_until <= $2 OR e.paused_until > $4)" \
	" ORDER BY place.url, place.peer_id, first.created_at)," \
	" ranked AS (SELECT due.*, pg_catalog.row_number() OVER (PARTITION BY asker," \
	" pg_catalog.split_part(url, '/', 3) ORDER BY created_at) AS n FROM due)" \
	" SELECT r.own, p.secret, COALESCE(p.form, true), r.url, r.peer_id, r.failures," \
	" COALESCE(r.asker, ''), r.proven, r.own OR r.subscribed"

#define IN_ORDER \
	" FROM ranked r LEFT JOIN qlm.peer p ON r.own AND p.peer_id = r.peer_id" \
	" ORDER BY r.failures > 0, NOT r.proven, r.n, r.created_at LIMIT $3"

/*
 * Each endpoint of the outbox is found by an index probe that starts from the
 * one before, however many rows wait for it.  The names of WebSocket
 * connections sort after all URLs and are left out: server workers take those
 * rows.  A pause that ends too late was set before the clock was set back.
 */
static QlmPlan all_plan = {
	DUE("WITH RECURSIVE u (url, peer_id) AS ("
		"(SELECT url, peer_id FROM qlm.outbox WHERE state IN ('queued', 'sent')"
		" AND url IS NOT NULL AND url < '~' ORDER BY url, peer_id LIMIT 1)"
		" UNION ALL"
		" SELECT n.url, n.peer_id FROM u, LATERAL (SELECT o.url, o.peer_id"
		" FROM qlm.outbox o WHERE o.state IN ('queued', 'sent') AND o.url IS NOT NULL"
		" AND (o.url, o.peer_id) > (u.url, u.peer_id) AND o.url < '~'"
		" ORDER BY o.url, o.peer_id LIMIT 1) AS n)", "")
	IN_ORDER,
	4, {TEXTARRAYOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID}
};

/* $5: only rows with a larger seq are looked at. */
static QlmPlan fresh_plan = {
	DUE("WITH fresh AS MATERIALIZED (SELECT url, peer_id FROM qlm.outbox"
		" WHERE state = 'queued' AND seq > $5 ORDER BY seq DESC LIMIT $3),"
		" u AS (SELECT DISTINCT url, peer_id FROM fresh WHERE url < '~')",
		" AND p.peer_id = ANY (ARRAY(SELECT peer_id FROM fresh WHERE url IS NULL))")
	IN_ORDER,
	5, {TEXTARRAYOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, INT8OID}
};

static QlmPlan last_plan = {
	"SELECT seq FROM qlm.outbox WHERE state = 'queued' ORDER BY seq DESC LIMIT 1",
	0, {0}
};

static Datum
text_array(List *texts)
{
	int			n = list_length(texts);
	const char **values = palloc(Max(n, 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		values[i] = list_nth(texts, i);
	return qlm_array_text(values, n);
}

static QlmEndpoint *
found_endpoint(uint64 row)
{
	QlmEndpoint *endpoint = palloc0(sizeof(QlmEndpoint));
	bool		isnull;

	qlm_endpoint_read_peer(endpoint, row);
	endpoint->url = qlm_spi_text(row, 4);
	endpoint->peer_id = DatumGetInt32(qlm_spi_datum(row, 5, &isnull));
	endpoint->failures = DatumGetInt32(qlm_spi_datum(row, 6, &isnull));
	endpoint->asker = qlm_spi_text(row, 7);
	endpoint->is_proven = DatumGetBool(qlm_spi_datum(row, 8, &isnull));
	endpoint->is_lasting = DatumGetBool(qlm_spi_datum(row, 9, &isnull));
	return endpoint;
}

static List *
find(QlmPlan *plan, List *busy, int max, int64 after)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		longest = (int64) (qlm_retry_max_delay * (1 + QLM_PAUSE_JITTER)) + 1;
	List	   *endpoints = NIL;
	Datum		values[5];

	values[0] = text_array(busy);
	values[1] = TimestampTzGetDatum(now);
	values[2] = Int64GetDatum(max);
	values[3] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, longest));
	values[4] = Int64GetDatum(after);
	qlm_plan_execute_indexed(plan, values, NULL, 0);
	for (uint64 row = 0; row < SPI_processed; row++)
		endpoints = lappend(endpoints, found_endpoint(row));
	SPI_freetuptable(SPI_tuptable);
	return endpoints;
}

static int64
last_seq(void)
{
	int64		seq = 0;
	bool		isnull;

	qlm_plan_execute_indexed(&last_plan, NULL, NULL, 1);
	if (SPI_processed > 0)
		seq = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return seq;
}

List *
qlm_endpoint_due(List *busy, int max, int64 *until)
{
	List	   *endpoints;
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	*until = last_seq();
	endpoints = find(&all_plan, busy, max, 0);
	qlm_rights_restore(&saved);
	return endpoints;
}

List *
qlm_endpoint_due_since(List *busy, int max, int64 after)
{
	List	   *endpoints;
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	endpoints = find(&fresh_plan, busy, max, after);
	qlm_rights_restore(&saved);
	return endpoints;
}
