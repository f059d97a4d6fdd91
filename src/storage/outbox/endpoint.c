/*
 * endpoint.c
 *		Endpoints: where rows of the outbox are posted, and their state.
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
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/endpoint.h"
#include "storage/peer/peer_note.h"

/*
 * Endpoints that nobody has subscribed with are trimmed after so many new
 * ones.
 */
#define TRIM_EVERY		500
#define UNUSED_KEPT		1000	/* the newest unused endpoints */

/*
 * A URL of a one-time request gets no row when it works or refuses; otherwise
 * ever new URLs would leave ever more rows.  A row is kept for URLs of peers
 * and subscriptions, $4.
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

/*
 * No failures are counted, though last_failure is the latest event: the
 * receiver refuses for good.
 */
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
 * Parameters: $4 and $5 shortest and longest pause in ms, $6 jitter, $8
 * Retry-After of the receiver in ms, which counts up to the longest pause
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

static QlmPlan unwanted_plan = {
	"SELECT c.url FROM ROWS FROM (pg_catalog.unnest($1)) AS c (url)"
	" WHERE NOT EXISTS (SELECT FROM qlm.subscription s WHERE s.callback = c.url"
	" AND s.expires_at > $2)"
	" AND NOT EXISTS (SELECT FROM qlm.outbox o WHERE o.url = c.url"
	" AND o.url IS NOT NULL AND o.state IN ('queued', 'sent'))",
	2, {TEXTARRAYOID, TIMESTAMPTZOID}
};

/*
 * Counts first whether there are too many.  Failing URLs are kept if a row
 * waits for them, a subscription names them, or they are a peer's.
 */
static QlmPlan unused_plan = {
	"DELETE FROM qlm.endpoint WHERE ctid = ANY (ARRAY(SELECT e.ctid"
	" FROM qlm.endpoint e WHERE (SELECT pg_catalog.count(*) FROM"
	" (SELECT FROM qlm.endpoint LIMIT $1 + 1) AS n) > $1"
	" AND NOT EXISTS (SELECT FROM qlm.outbox o WHERE o.url = e.url"
	" AND o.peer_id = e.peer_id AND o.state IN ('queued', 'sent'))"
	" AND NOT EXISTS (SELECT FROM qlm.peer p WHERE p.url = e.url AND p.peer_id = e.peer_id)"
	" AND NOT EXISTS (SELECT FROM qlm.subscription s WHERE s.callback = e.url AND s.peer_id = e.peer_id)"
	" ORDER BY GREATEST(e.last_success, e.last_failure) DESC NULLS LAST"
	" OFFSET $1 LIMIT $2))",
	2, {INT8OID, INT8OID}
};

static QlmPlan look_up_plan = {
	"SELECT p.peer_id IS NOT NULL, p.secret, COALESCE(p.form, true), o.proxy,"
	" COALESCE(p.redirects, false), EXTRACT(epoch FROM p.hold)::pg_catalog.float8"
	" FROM qlm.peer o"
	" LEFT JOIN qlm.peer p ON p.peer_id = o.peer_id AND p.url = $2"
	" WHERE o.peer_id = $1",
	2, {INT4OID, TEXTOID}
};

char *
qlm_endpoint_key(const QlmEndpoint *endpoint)
{
	return psprintf("%d %s", endpoint->peer_id, endpoint->url);
}

QlmEndpoint *
qlm_endpoint_copy(const QlmEndpoint *endpoint)
{
	QlmEndpoint *copy = palloc(sizeof(QlmEndpoint));

	*copy = *endpoint;
	copy->url = pstrdup(endpoint->url);
	copy->asker = pstrdup(endpoint->asker);
	copy->authorization = endpoint->authorization ?
		pstrdup(endpoint->authorization) : NULL;
	copy->proxy = endpoint->proxy ? pstrdup(endpoint->proxy) : NULL;
	return copy;
}

char *
qlm_endpoint_authorization(char *secret)
{
	if (secret == NULL || *secret == '\0')
		return NULL;
	return strchr(secret, ' ') ? secret : psprintf("Bearer %s", secret);
}

/* Reads what the peer's row says, from the first columns of the result. */
void
qlm_endpoint_read_peer(QlmEndpoint *endpoint, uint64 row)
{
	bool		isnull;

	endpoint->is_own = DatumGetBool(qlm_spi_datum(row, 1, &isnull));
	endpoint->authorization = qlm_endpoint_authorization(qlm_spi_text(row, 2));
	endpoint->form = DatumGetBool(qlm_spi_datum(row, 3, &isnull));
}

bool
qlm_endpoint_look_up(QlmEndpoint *endpoint)
{
	Datum		values[2];
	bool		found;
	bool		isnull;

	if (endpoint->peer_id == 0)
		return true;
	values[0] = Int32GetDatum(endpoint->peer_id);
	values[1] = CStringGetTextDatum(endpoint->url);
	qlm_plan_execute_as_owner(&look_up_plan, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		qlm_endpoint_read_peer(endpoint, 0);
		endpoint->proxy = qlm_spi_text(0, 4);
		endpoint->redirects = DatumGetBool(qlm_spi_datum(0, 5, &isnull));
		endpoint->hold = DatumGetFloat8(qlm_spi_datum(0, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
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

void
qlm_endpoint_peer_failed(int peer_id, const char *reason)
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
		qlm_endpoint_peer_failed(endpoint->peer_id, reason);
}

void
qlm_endpoint_pages(const QlmEndpoint *endpoint, int n, const char *words)
{
	Datum		values[4];
	bool		is_first;
	bool		isnull;

	values[0] = CStringGetTextDatum(endpoint->url);
	values[1] = Int32GetDatum(endpoint->peer_id);
	values[2] = Int32GetDatum(n);
	values[3] = CStringGetTextDatum(words);
	qlm_plan_execute_as_owner(&pages_plan, values, NULL);
	is_first = SPI_processed > 0 && DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (is_first)
		log_page(endpoint->url, words);
}

/* The plan may scan whole tables, so it must not be run with indexes only. */
int
qlm_endpoint_trim(int max)
{
	Datum		values[2];

	if (max <= 0)
		return 0;
	values[0] = Int64GetDatum(UNUSED_KEPT);
	values[1] = Int64GetDatum(max);
	qlm_plan_execute(&unused_plan, values, NULL, 0);
	return (int) SPI_processed;
}

/*
 * A URL that fails gets a row for its pause.  Rows that are no longer needed
 * are trimmed from time to time.
 */
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
		qlm_endpoint_peer_failed(endpoint->peer_id, reason);
	return paused_until;
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
