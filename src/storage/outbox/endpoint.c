/*
 * endpoint.c
 *		Endpoints: how they fare, when something is due next, and which are
 *		called even if nothing is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "message/redact.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/outbox/collection.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/lease.h"
#include "storage/peer/peer.h"
#include "storage/subscription/remote.h"

/* Rows for what nobody has subscribed to are trimmed after so many. */
#define TRIM_EVERY		500

/*
 * Whoever names ever new URLs leaves no row for each: one that works, or that
 * refuses what it gets, has one where it is a peer's or a subscription's, $4.
 */
#define IS_KEPT "($4 OR EXISTS (SELECT FROM qlm.endpoint WHERE url = $1 AND peer_id = $5))"

static QlmPlan delivered_plan = {
	"INSERT INTO qlm.endpoint AS e (url, attempts, delivered, last_success, peer_id)"
	" SELECT $1, $3, $3, $2, $5 WHERE " IS_KEPT
	" ON CONFLICT (url, peer_id) DO UPDATE SET failures = 0, refusals = 0,"
	" paused_until = NULL, attempts = e.attempts + $3,"
	" delivered = e.delivered + $3, last_success = $2",
	5, {TEXTOID, TIMESTAMPTZOID, INT8OID, BOOLOID, INT4OID}, QLM_PLAN_GENERIC
};

/* No failures, and yet a failure is the last that is known: it was for good. */
static QlmPlan refused_plan = {
	"INSERT INTO qlm.endpoint AS e"
	" (url, attempts, refusals, refused, last_failure, last_error, peer_id)"
	" SELECT $1, $6, $6, $6, $2, $3, $5 WHERE " IS_KEPT
	" ON CONFLICT (url, peer_id) DO UPDATE SET paused_until = NULL, failures = 0,"
	" refusals = e.refusals + $6, refused = e.refused + $6,"
	" attempts = e.attempts + $6, last_failure = $2, last_error = $3"
	" RETURNING refusals = $6",
	6, {TEXTOID, TIMESTAMPTZOID, TEXTOID, BOOLOID, INT4OID, INT4OID}
};

/*
 * $4 and $5: shortest and longest pause in ms; $6: jitter; $8: what the
 * receiver asks for, in ms, up to the longest
 */
#define PAUSED_UNTIL(failures_before) \
	"$2 + CASE WHEN $9 AND " failures_before " = 0 THEN 0 ELSE" \
	" GREATEST(LEAST($5, $4 * pg_catalog.power(2, LEAST(" failures_before ", 30)))" \
	" * $6, LEAST($5, $8)) END * interval '1 ms'"

static QlmPlan failed_plan = {
	"INSERT INTO qlm.endpoint AS e"
	" (url, failures, paused_until, attempts, last_failure, last_error, peer_id)"
	" VALUES ($1, 1, " PAUSED_UNTIL("0") ", 1, $2, $3, $7)"
	" ON CONFLICT (url, peer_id) DO UPDATE SET failures = e.failures + 1,"
	" paused_until = " PAUSED_UNTIL("e.failures") ", attempts = e.attempts + 1,"
	" last_failure = $2, last_error = $3 RETURNING paused_until, failures = 1",
	9, {TEXTOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT4OID,
	FLOAT8OID, BOOLOID}
};

static QlmPlan pages_plan = {
	"UPDATE qlm.endpoint SET pages = pages + $3, last_page = $4"
	" WHERE url = $1 AND peer_id = $2 RETURNING pages = $3",
	4, {TEXTOID, INT4OID, INT4OID, TEXTOID}
};

static QlmPlan peer_failed_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET last_failure = $2, last_error = $3"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	3, {INT4OID, TIMESTAMPTZOID, TEXTOID}
};

/*
 * A heartbeat got through, so it is worth another try; but a message that the
 * peer stumbles over must not come back with every heartbeat.
 */
static QlmPlan open_plan = {
	"UPDATE qlm.endpoint SET paused_until = NULL"
	" WHERE url = (SELECT url FROM qlm.peer WHERE peer_id = $1) AND peer_id = $1"
	" AND paused_until > $2 AND (last_failure < $3) IS NOT FALSE",
	3, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
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
	" EXISTS (SELECT FROM " QLM_REMOTE_TOLD ")"
	" OR EXISTS (SELECT FROM " QLM_REMOTE_DUE ")"
	" OR EXISTS (SELECT FROM " QLM_COLLECTION_COMPLETE ")",
	1, {TIMESTAMPTZOID}
};

static QlmPlan unwanted_plan = {
	"SELECT c.url FROM ROWS FROM (pg_catalog.unnest($1)) AS c (url)"
	" WHERE NOT EXISTS (SELECT FROM qlm.subscription s WHERE s.callback = c.url"
	" AND s.expires_at > $2)"
	" AND NOT EXISTS (SELECT FROM qlm.outbox o WHERE o.url = c.url"
	" AND o.url IS NOT NULL AND o.state IN ('queued', 'sent'))",
	2, {TEXTARRAYOID, TIMESTAMPTZOID}
};

static QlmPlan heartbeats_plan = {
	"SELECT peer_id, url, dialect, secret,"
	" EXTRACT(epoch FROM heartbeat)::pg_catalog.float8, form, proxy, redirects,"
	" EXTRACT(epoch FROM hold)::pg_catalog.float8,"
	" EXTRACT(epoch FROM hold_cut_after)::pg_catalog.float8 FROM qlm.peer"
	" WHERE url IS NOT NULL AND role IS NOT NULL AND heartbeat > interval '0'"
	" ORDER BY name COLLATE \"C\"",
	0, {0}
};

char *
qlm_endpoint_authorization(char *secret)
{
	if (secret == NULL || *secret == '\0')
		return NULL;
	return strchr(secret, ' ') ? secret : psprintf("Bearer %s", secret);
}

void
qlm_endpoint_delivered(const QlmEndpoint *endpoint, int n)
{
	Datum		values[5];

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int64GetDatum(n);
	values[3] = BoolGetDatum(endpoint->is_lasting);
	values[4] = Int32GetDatum(endpoint->peer_id);
	qlm_plan_execute(&delivered_plan, values, NULL, 0);
	if (endpoint->is_own)
		qlm_peer_succeeded(endpoint->peer_id);
}

static void
note_peer_failure(int peer_id, const char *reason)
{
	Datum		values[3];

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	qlm_plan_execute_indexed(&peer_failed_plan, values, NULL, 0);
}

static void
log_refusal(const char *url, const char *reason)
{
	StringInfoData shown;

	initStringInfo(&shown);
	qlm_redact(&shown, url, strlen(url), false);
	ereport(LOG,
			(errmsg("qlm: messages to %s are refused: %s", shown.data, reason),
			 errdetail("They are not sent again. Subscriptions count them as dropped, and their next message says so."),
			 errhint("qlm.stat_delivery shows how many there were, qlm.outbox which (state failed).")));
	pfree(shown.data);
}

static void
log_page(const char *url, const char *words)
{
	StringInfoData shown;

	initStringInfo(&shown);
	qlm_redact(&shown, url, strlen(url), false);
	ereport(LOG,
			(errmsg("qlm: messages to %s are answered with a web page: \"%s\"", shown.data, words),
			 errhint("Whether they count as delivered is what qlm.refuse_pages says; qlm.stat_delivery shows how many there were.")));
	pfree(shown.data);
}

void
qlm_endpoint_refused(const QlmEndpoint *endpoint, const char *reason, int n)
{
	Datum		values[6];
	bool		is_first;
	bool		isnull;

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	values[3] = BoolGetDatum(endpoint->is_lasting);
	values[4] = Int32GetDatum(endpoint->peer_id);
	values[5] = Int32GetDatum(n);
	qlm_plan_execute_indexed(&refused_plan, values, NULL, 0);
	is_first = SPI_processed > 0 && DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (is_first)
		log_refusal(endpoint->url, reason);
	if (endpoint->is_own)
		note_peer_failure(endpoint->peer_id, reason);
}

void
qlm_endpoint_pages(const QlmEndpoint *endpoint, int n, const char *words)
{
	Datum		values[4];
	QlmRights	saved;
	bool		is_first;
	bool		isnull;

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = Int32GetDatum(endpoint->peer_id);
	values[2] = Int32GetDatum(n);
	values[3] = CStringGetTextDatum(words);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&pages_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	is_first = SPI_processed > 0 && DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (is_first)
		log_page(endpoint->url, words);
}

/* What fails has a row, for its pause: those that are over are trimmed. */
static void
note_new(void)
{
	static int	n = 0;

	if (++n < TRIM_EVERY)
		return;
	n = 0;
	(void) qlm_endpoint_trim(2 * TRIM_EVERY);
}

TimestampTz
qlm_endpoint_failed(const QlmEndpoint *endpoint, const char *reason,
					int retry_after, bool once_more)
{
	double		jitter = 1 - QLM_PAUSE_JITTER + 2 * QLM_PAUSE_JITTER * pg_prng_double(&pg_global_prng_state);
	TimestampTz paused_until;
	Datum		values[9];
	bool		is_new;
	bool		isnull;

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	values[3] = Float8GetDatum(qlm_retry_delay);
	values[4] = Float8GetDatum(qlm_retry_max_delay);
	values[5] = Float8GetDatum(jitter);
	values[6] = Int32GetDatum(endpoint->peer_id);
	values[7] = Float8GetDatum(retry_after * 1000.0);
	values[8] = BoolGetDatum(once_more);
	qlm_plan_execute_indexed(&failed_plan, values, NULL, 0);
	paused_until = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	is_new = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (is_new && !endpoint->is_lasting)
		note_new();
	if (endpoint->is_own)
		note_peer_failure(endpoint->peer_id, reason);
	return paused_until;
}

/*
 * Measured from the start of the transaction, in which the caller has looked
 * for what is due: nothing that became so meanwhile is missed.
 */
TimestampTz
qlm_next_due(bool *to_take_up)
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
qlm_heartbeat_peers(void)
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

		heartbeat->peer_id = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));
		heartbeat->url = qlm_spi_text(row, 2);
		heartbeat->dialect = qlm_spi_text(row, 3);
		heartbeat->authorization = qlm_endpoint_authorization(qlm_spi_text(row, 4));
		heartbeat->seconds = DatumGetFloat8(qlm_spi_datum(row, 5, &isnull));
		heartbeat->form = DatumGetBool(qlm_spi_datum(row, 6, &isnull));
		heartbeat->proxy = qlm_spi_text(row, 7);
		heartbeat->proxy_for_all = heartbeat->proxy != NULL;
		heartbeat->redirects = DatumGetBool(qlm_spi_datum(row, 8, &isnull));
		heartbeat->hold = DatumGetFloat8(qlm_spi_datum(row, 9, &isnull));
		heartbeat->hold_cut_ms = DatumGetFloat8(qlm_spi_datum(row, 10, &isnull)) * 1000;
		heartbeats = lappend(heartbeats, heartbeat);
	}
	SPI_freetuptable(SPI_tuptable);
	return heartbeats;
}

static void
open_endpoint(int peer_id)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		values[3];

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -(int64) qlm_retry_delay));
	qlm_plan_execute_indexed(&open_plan, values, NULL, 0);
	if (SPI_processed > 0)
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

void
qlm_heartbeat_peer_done(int peer_id, const char *error)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	if (error)
		note_peer_failure(peer_id, error);
	else
	{
		qlm_peer_succeeded(peer_id);
		open_endpoint(peer_id);
	}
	qlm_rights_restore(&saved);
}

List *
qlm_endpoint_unwanted(List *urls)
{
	int			n = list_length(urls);
	const char **texts = palloc(Max(n, 1) * sizeof(char *));
	List	   *unwanted = NIL;
	Datum		values[2];
	QlmRights	saved;

	if (n == 0)
		return NIL;
	for (int i = 0; i < n; i++)
		texts[i] = list_nth(urls, i);
	values[0] = qlm_array_text(texts, n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&unwanted_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
		unwanted = lappend(unwanted, qlm_spi_text(row, 1));
	SPI_freetuptable(SPI_tuptable);
	return unwanted;
}
