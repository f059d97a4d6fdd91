/*
 * delivery_endpoint.c
 *		Endpoints: which of them have something due, how they fare, and which
 *		are called even if nothing is due.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "storage/array.h"
#include "storage/catalog.h"
#include "storage/delivery.h"
#include "storage/delivery_endpoint.h"
#include "storage/forwarding.h"
#include "storage/gathering.h"
#include "storage/indexed.h"
#include "storage/peer.h"

/* Pauses vary by this part of them in both directions. */
#define JITTER 0.25

#define IS_WAITING(row) \
	row ".state IN ('queued', 'sent') AND (" row ".state = 'queued'" \
	" OR " row ".next_attempt_at IS NULL OR " row ".next_attempt_at <= $2)"

/* What a peer took and has not acknowledged comes before all that follows. */
#define IS_HELD(url) \
	"(SELECT h.state = 'sent' AND h.kind = 'response' AND NOT h.posting" \
	" AND (h.next_attempt_at > $2) IS TRUE FROM qlm.outbox h WHERE h.url = " url \
	" AND h.state IN ('queued', 'sent') ORDER BY h.priority DESC, h.seq LIMIT 1)"

/*
 * Each URL of the queue is found by one index probe after the one before it,
 * however many messages wait for it.  Names of WebSocket connections to
 * this node come after all URLs: the server workers take what waits for those.  A pause that is longer than pauses can
 * be was made before the clock was set back.
 */
static QlmPlan endpoints_plan = {
	"WITH RECURSIVE u AS ("
	"(SELECT url FROM qlm.outbox WHERE state IN ('queued', 'sent')"
	" AND url IS NOT NULL AND url < '~' ORDER BY url LIMIT 1)"
	" UNION ALL"
	" SELECT (SELECT o.url FROM qlm.outbox o WHERE o.state IN ('queued', 'sent')"
	" AND o.url > u.url AND o.url < '~' ORDER BY o.url LIMIT 1)"
	" FROM u WHERE u.url IS NOT NULL),"
	" place AS (SELECT u.url, (SELECT pg_catalog.min(p.name) FROM qlm.peer p"
	" WHERE p.url = u.url) AS peer, true AS by_url FROM u WHERE u.url IS NOT NULL"
	" UNION ALL"
	" SELECT p.url, p.name, false FROM qlm.peer p WHERE p.url IS NOT NULL),"
	" due AS (SELECT DISTINCT ON (place.url) place.url, place.peer, e.failures,"
	" first.created_at FROM place"
	" LEFT JOIN qlm.endpoint e ON e.url = place.url"
	" CROSS JOIN LATERAL ("
	"(SELECT o.created_at FROM qlm.outbox o WHERE place.by_url"
	" AND o.url = place.url AND " IS_WAITING("o")
	" ORDER BY o.priority DESC, o.seq LIMIT 1)"
	" UNION ALL"
	" (SELECT o.created_at FROM qlm.outbox o WHERE NOT place.by_url"
	" AND o.peer = place.peer AND o.url IS NULL AND " IS_WAITING("o")
	" ORDER BY o.priority DESC, o.seq LIMIT 1)) AS first"
	" WHERE place.url <> ALL ($1)"
	" AND (place.by_url AND " IS_HELD("place.url") ") IS NOT TRUE AND (e.paused_until IS NULL"
	" OR e.paused_until <= $2 OR e.paused_until > $4)"
	" ORDER BY place.url, first.created_at)"
	" SELECT due.url, due.peer, COALESCE(due.failures, 0), p.secret,"
	" COALESCE(p.form, true) FROM due"
	" LEFT JOIN qlm.peer p ON p.name = due.peer"
	" ORDER BY due.created_at LIMIT $3",
	4, {TEXTARRAYOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID}
};

static QlmPlan delivered_plan = {
	"INSERT INTO qlm.endpoint AS e (url, attempts, delivered, last_success)"
	" VALUES ($1, $3, $3, $2) ON CONFLICT (url) DO UPDATE SET failures = 0,"
	" paused_until = NULL, attempts = e.attempts + $3,"
	" delivered = e.delivered + $3, last_success = $2",
	3, {TEXTOID, TIMESTAMPTZOID, INT8OID}, QLM_PLAN_GENERIC
};

/* No failures, and yet a failure is the last that is known: it was for good. */
static QlmPlan refused_plan = {
	"INSERT INTO qlm.endpoint AS e (url, attempts, last_failure, last_error)"
	" VALUES ($1, 1, $2, $3) ON CONFLICT (url) DO UPDATE SET paused_until = NULL, failures = 0,"
	" attempts = e.attempts + 1, last_failure = $2, last_error = $3",
	3, {TEXTOID, TIMESTAMPTZOID, TEXTOID}
};

/* $4 and $5: shortest and longest pause in ms; $6: jitter */
#define PAUSED_UNTIL(failures_before) \
	"$2 + LEAST($5, $4 * pg_catalog.power(2, LEAST(" failures_before ", 30)))" \
	" * $6 * interval '1 ms'"

static QlmPlan failed_plan = {
	"INSERT INTO qlm.endpoint AS e"
	" (url, failures, paused_until, attempts, last_failure, last_error)"
	" VALUES ($1, 1, " PAUSED_UNTIL("0") ", 1, $2, $3)"
	" ON CONFLICT (url) DO UPDATE SET failures = e.failures + 1,"
	" paused_until = " PAUSED_UNTIL("e.failures") ", attempts = e.attempts + 1,"
	" last_failure = $2, last_error = $3 RETURNING paused_until",
	6, {TEXTOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID}
};

static QlmPlan peer_failed_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE name = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET last_failure = $2, last_error = $3"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	3, {TEXTOID, TIMESTAMPTZOID, TEXTOID}
};

/*
 * A heartbeat got through, so it is worth another try; but a message that the
 * peer stumbles over must not come back with every heartbeat.
 */
static QlmPlan open_plan = {
	"UPDATE qlm.endpoint SET paused_until = NULL"
	" WHERE url = (SELECT url FROM qlm.peer WHERE name = $1)"
	" AND paused_until > $2 AND (last_failure < $3) IS NOT FALSE",
	3, {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

/*
 * What is due already was taken, or waits for something else than time.  What
 * others wait for is asked for here because a statement of its own would cost
 * more than all of this.
 */
static QlmPlan next_due_plan = {
	"SELECT LEAST("
	"(SELECT paused_until FROM qlm.endpoint WHERE paused_until > $1"
	" ORDER BY paused_until LIMIT 1),"
	" (SELECT next_attempt_at FROM qlm.outbox WHERE state = 'sent'"
	" AND next_attempt_at > $1 ORDER BY next_attempt_at LIMIT 1),"
	" (SELECT next_due FROM qlm.subscription WHERE next_due IS NOT NULL"
	" AND (expires_at > $1) IS TRUE ORDER BY next_due LIMIT 1),"
	" (SELECT expires_at FROM qlm.outbox WHERE state IN ('queued', 'sent')"
	" AND awaited_by IS NOT NULL AND expires_at > $1 ORDER BY expires_at LIMIT 1),"
	" (SELECT next_poll FROM qlm.forwarding WHERE next_poll > $1"
	" ORDER BY next_poll LIMIT 1)),"
	" EXISTS (SELECT FROM " QLM_FORWARDING_TOLD ")"
	" OR EXISTS (SELECT FROM " QLM_FORWARDING_DUE ")"
	" OR EXISTS (SELECT FROM " QLM_GATHERING_COMPLETE ")",
	1, {TIMESTAMPTZOID}
};

static QlmPlan heartbeats_plan = {
	"SELECT name, url, dialect, secret,"
	" EXTRACT(epoch FROM heartbeat)::pg_catalog.float8, form FROM qlm.peer"
	" WHERE url IS NOT NULL AND heartbeat > interval '0'"
	" ORDER BY name COLLATE \"C\"",
	0, {0}
};

/* A bare secret is shown as a token; otherwise it is the whole header value. */
static char *
authorization(char *secret)
{
	if (secret == NULL || *secret == '\0')
		return NULL;
	return strchr(secret, ' ') ? secret : psprintf("Bearer %s", secret);
}

QlmEndpoint *
qlm_delivery_copy_endpoint(const QlmEndpoint *endpoint)
{
	QlmEndpoint *copy = palloc(sizeof(QlmEndpoint));

	copy->url = pstrdup(endpoint->url);
	copy->peer = endpoint->peer ? pstrdup(endpoint->peer) : NULL;
	copy->authorization = endpoint->authorization ?
		pstrdup(endpoint->authorization) : NULL;
	copy->form = endpoint->form;
	copy->failures = endpoint->failures;
	return copy;
}

static Datum
text_array(List *texts)
{
	int			n = list_length(texts);
	const char **values = palloc(Max(n, 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		values[i] = list_nth(texts, i);
	return qlm_array_text(values, n);
}

List *
qlm_delivery_endpoints(List *busy, int max)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *endpoints = NIL;
	Datum		values[4];
	QlmRights	saved;

	values[0] = text_array(busy);
	values[1] = TimestampTzGetDatum(now);
	values[2] = Int64GetDatum(max);
	values[3] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now,
																(int64) (qlm_retry_max_delay * (1 + JITTER)) + 1));
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&endpoints_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmEndpoint *endpoint = palloc0(sizeof(QlmEndpoint));
		bool		isnull;

		endpoint->url = qlm_spi_text(row, 1);
		endpoint->peer = qlm_spi_text(row, 2);
		endpoint->failures = DatumGetInt32(qlm_spi_datum(row, 3, &isnull));
		endpoint->authorization = authorization(qlm_spi_text(row, 4));
		endpoint->form = DatumGetBool(qlm_spi_datum(row, 5, &isnull));
		endpoints = lappend(endpoints, endpoint);
	}
	SPI_freetuptable(SPI_tuptable);
	return endpoints;
}

void
qlm_endpoint_delivered(const QlmEndpoint *endpoint, int n)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int64GetDatum(n);
	qlm_plan_execute(&delivered_plan, values, NULL, 0);
	if (endpoint->peer)
		qlm_peer_succeeded(endpoint->peer);
}

static void
note_peer_failure(const char *peer, const char *reason)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(peer);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	qlm_plan_execute_indexed(&peer_failed_plan, values, NULL, 0);
}

void
qlm_endpoint_refused(const QlmEndpoint *endpoint, const char *reason)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	qlm_plan_execute_indexed(&refused_plan, values, NULL, 0);
	if (endpoint->peer)
		note_peer_failure(endpoint->peer, reason);
}

TimestampTz
qlm_endpoint_failed(const QlmEndpoint *endpoint, const char *reason)
{
	double		jitter = 1 - JITTER + 2 * JITTER * pg_prng_double(&pg_global_prng_state);
	TimestampTz paused_until;
	Datum		values[6];
	bool		isnull;

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	values[3] = Float8GetDatum(qlm_retry_delay);
	values[4] = Float8GetDatum(qlm_retry_max_delay);
	values[5] = Float8GetDatum(jitter);
	qlm_plan_execute_indexed(&failed_plan, values, NULL, 0);
	paused_until = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (endpoint->peer)
		note_peer_failure(endpoint->peer, reason);
	return paused_until;
}

/*
 * Measured from the start of the transaction, in which the caller has looked
 * for what is due: nothing that became so meanwhile is missed.
 */
TimestampTz
qlm_delivery_next_due(bool *to_take_up)
{
	Datum		values[1] = {TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	TimestampTz due;
	QlmRights	saved;
	bool		isnull;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&next_due_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	*to_take_up = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	due = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return isnull ? DT_NOEND : due;
}

List *
qlm_delivery_heartbeats(void)
{
	List	   *heartbeats = NIL;
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&heartbeats_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmHeartbeat *heartbeat = palloc0(sizeof(QlmHeartbeat));
		bool		isnull;

		heartbeat->peer = qlm_spi_text(row, 1);
		heartbeat->url = qlm_spi_text(row, 2);
		heartbeat->dialect = qlm_spi_text(row, 3);
		heartbeat->authorization = authorization(qlm_spi_text(row, 4));
		heartbeat->seconds = DatumGetFloat8(qlm_spi_datum(row, 5, &isnull));
		heartbeat->form = DatumGetBool(qlm_spi_datum(row, 6, &isnull));
		heartbeats = lappend(heartbeats, heartbeat);
	}
	SPI_freetuptable(SPI_tuptable);
	return heartbeats;
}

static void
open_endpoint(const char *peer)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		values[3];

	values[0] = CStringGetTextDatum(peer);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -(int64) qlm_retry_delay));
	qlm_plan_execute_indexed(&open_plan, values, NULL, 0);
	if (SPI_processed > 0)
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

void
qlm_delivery_heartbeat_done(const char *peer, const char *error)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	if (error)
		note_peer_failure(peer, error);
	else
	{
		qlm_peer_succeeded(peer);
		open_endpoint(peer);
	}
	qlm_rights_restore(&saved);
}
