/*
 * outbox_answer.c
 *		Answers of peers: finds the rows that they belong to, and records them.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/missed.h"
#include "storage/outbox/outbox_answer.h"
#include "storage/outbox/outbox_sql.h"
#include "storage/peer/peer_note.h"

/* Unanswered rows that an answer without id is compared with */
#define MAX_COMPARED 100

/* Data that were refused are not sent again. */
#define IS_REFUSED "kind = 'response' AND $6 IS NOT NULL"

static QlmPlan answer_plan = {
	"UPDATE qlm.outbox SET state = CASE WHEN " IS_REFUSED " THEN 'failed' ELSE 'answered' END,"
	" answered_at = $3, return_code = $4,"
	" answer = CASE kind WHEN 'request' THEN $5 END, next_attempt_at = NULL,"
	" last_error = CASE WHEN " IS_REFUSED " THEN $6 END, posting = false WHERE message_id = $1 AND peer_id = $2"
	" AND " QLM_IS_LIVE("") " AND (expires_at > $3) IS TRUE"
	" AND (kind = 'request' OR (attempts > 0 AND NOT posting))"
	" RETURNING kind = 'response' AND url IS NOT NULL,"
	" CASE kind WHEN 'response' THEN subscription_id END, state = 'failed', 1 + dropped",
	6, {INT8OID, INT4OID, TIMESTAMPTZOID, INT4OID, TEXTOID, TEXTOID}
};

/* Not used for an answer that comes once more */
static QlmPlan not_stored_plan = {
	"UPDATE qlm.outbox SET return_code = $3, last_error = 'what it brought is not stored: ' || $4"
	" WHERE message_id = $1 AND peer_id = $2 AND kind = 'request'"
	" AND state = 'answered' AND answered_at >= $5",
	5, {INT8OID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID}
};

static QlmPlan live_plan = {
	"SELECT envelope FROM qlm.outbox WHERE message_id = $1 AND peer_id = $2"
	" AND " QLM_IS_LIVE("") " AND (expires_at > $3) IS TRUE"
	" AND (kind = 'request' OR (attempts > 0 AND NOT posting))",
	3, {INT8OID, INT4OID, TIMESTAMPTZOID}
};

/*
 * The row is due again after growing pauses, at the earliest after
 * qlm.retry_delay.
 */
static QlmPlan put_off_plan = {
	"UPDATE qlm.outbox SET state = 'sent', posting = false, last_error = $4,"
	" next_attempt_at = $3 + LEAST($6, $5 * pg_catalog.power(2, GREATEST(LEAST(attempts, 30), 1) - 1))"
	" * interval '1 ms' WHERE message_id = $1 AND peer_id = $2"
	" AND " QLM_IS_LIVE(""),
	6, {INT8OID, INT4OID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, FLOAT8OID}
};

static QlmPlan known_plan = {
	"SELECT node IS NOT NULL, kind = 'response' FROM qlm.outbox WHERE message_id = $1 AND peer_id = $2",
	2, {INT8OID, INT4OID}
};

static QlmPlan delivered_plan = {
	"WITH mine AS (SELECT request_id FROM qlm.subscription WHERE request_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.subscription s SET deliveries = s.deliveries + 1"
	" FROM mine WHERE s.request_id = mine.request_id",
	1, {INT8OID}
};

/*
 * Rows in the order in which a peer answers several: oldest first.  Rows that
 * let others pass come last, since an answer to them is least likely.
 */
static QlmPlan outstanding_plan = {
	"SELECT message_id, envelope"
	" FROM qlm.outbox o WHERE peer_id = $1 AND url IS NULL AND kind = 'request'"
	" AND state = 'sent' AND (expires_at > $2) IS TRUE"
	" ORDER BY CASE WHEN " QLM_LETS_PASS("o") " THEN sent_at END DESC NULLS FIRST, seq LIMIT $3",
	3, {INT4OID, TIMESTAMPTZOID, INT8OID}
};

typedef struct Outstanding
{
	int64		message_id;
	char	   *envelope;
} Outstanding;

static int
find_outstanding(int peer_id, Outstanding **rows)
{
	Datum		values[3];
	int			n;

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int64GetDatum(MAX_COMPARED);
	qlm_plan_execute_indexed(&outstanding_plan, values, NULL, 0);
	n = (int) SPI_processed;
	*rows = palloc(Max(n, 1) * sizeof(Outstanding));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*rows)[i].message_id = DatumGetInt64(qlm_spi_datum(i, 1, &isnull));
		(*rows)[i].envelope = qlm_spi_text(i, 2);
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

/* Returns the number of the row that an answer without id belongs to, or 0. */
static int64
match_by_content(int peer_id, QlmFit fit, void *arg)
{
	Outstanding *rows;
	int			n = find_outstanding(peer_id, &rows);
	int64		message_id = 0;
	int			best = 0;

	for (int i = 0; i < n; i++)
	{
		int			how = fit(rows[i].envelope, n == 1, arg);

		if (how <= best)
			continue;
		best = how;
		message_id = rows[i].message_id;
	}
	return message_id;
}

/*
 * Counts data for a callback as delivered or refused.  Rows after it may be
 * posted then.
 */
static void
count_delivery(void)
{
	bool		isnull;
	bool		has_url = DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	bool		is_refused = DatumGetBool(qlm_spi_datum(0, 3, &isnull));
	int64		missed = DatumGetInt64(qlm_spi_datum(0, 4, &isnull));
	Datum		values[1] = {qlm_spi_datum(0, 2, &isnull)};

	if (has_url)
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
	if (is_refused && !isnull)
		qlm_missed_note(DatumGetInt64(values[0]), missed);
	SPI_freetuptable(SPI_tuptable);
	if (is_refused)
		qlm_missed_count();
	else if (!isnull)
		qlm_plan_execute_indexed(&delivered_plan, values, NULL, 0);
}

static bool
record_answer(int peer_id, int64 message_id, const QlmAnswer *answer)
{
	Datum		values[6];
	char		nulls[] = "      ";
	bool		recorded;

	values[0] = Int64GetDatum(message_id);
	values[1] = Int32GetDatum(peer_id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[3] = Int32GetDatum(answer->return_code);
	values[4] = answer->text ? CStringGetTextDatum(answer->text) : (Datum) 0;
	nulls[4] = answer->text ? ' ' : 'n';
	values[5] = answer->refusal ? CStringGetTextDatum(answer->refusal) : (Datum) 0;
	nulls[5] = answer->refusal ? ' ' : 'n';
	qlm_plan_execute_indexed(&answer_plan, values, nulls, 0);
	recorded = SPI_processed > 0;
	if (recorded)
		count_delivery();
	return recorded;
}

/* Returns the envelope of a row if it still waits for an answer, or NULL. */
static char *
live_envelope(int peer_id, int64 message_id)
{
	Datum		values[3];
	char	   *envelope = NULL;

	values[0] = Int64GetDatum(message_id);
	values[1] = Int32GetDatum(peer_id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_indexed(&live_plan, values, NULL, 1);
	if (SPI_processed > 0)
		envelope = qlm_spi_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
	return envelope;
}

static bool
put_off(int peer_id, int64 message_id, const QlmAnswer *answer)
{
	const char *envelope = answer->return_code == 503 ? live_envelope(peer_id, message_id) : NULL;
	Datum		values[6];

	if (envelope == NULL || !answer->is_later(envelope, answer->arg))
		return false;
	values[0] = Int64GetDatum(message_id);
	values[1] = Int32GetDatum(peer_id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[3] = CStringGetTextDatum(answer->refusal);
	values[4] = Float8GetDatum(qlm_retry_delay);
	values[5] = Float8GetDatum(qlm_retry_max_delay);
	qlm_plan_execute_indexed(&put_off_plan, values, NULL, 0);
	return true;
}

static bool
is_known(int peer_id, int64 message_id, bool *forwarded, bool *data)
{
	Datum		values[2];
	bool		isnull;

	values[0] = Int64GetDatum(message_id);
	values[1] = Int32GetDatum(peer_id);
	qlm_plan_execute_indexed(&known_plan, values, NULL, 1);
	if (SPI_processed == 0)
		return false;
	*forwarded = DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	*data = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	return true;
}

int64
qlm_outbox_answer(int peer_id, int64 message_id, const QlmAnswer *answer,
				  bool *forwarded, bool *data)
{
	QlmRights	saved;
	bool		recorded = false;

	*forwarded = *data = false;
	qlm_rights_become_owner(&saved);
	if (message_id == 0)
		message_id = match_by_content(peer_id, answer->fit, answer->arg);
	if (message_id != 0)
	{
		if (!put_off(peer_id, message_id, answer))
			recorded = record_answer(peer_id, message_id, answer);
		if (!is_known(peer_id, message_id, forwarded, data))
			message_id = 0;
	}
	qlm_rights_restore(&saved);
	if (recorded)
	{
		qlm_wake_pending |= QLM_WAKE_ANSWER;
		qlm_wake_key_note(qlm_wake_key_of_row(message_id));
		qlm_wake_key_note(qlm_wake_key_of_peer(peer_id));
		qlm_peer_succeeded(peer_id);
	}
	return message_id;
}

void
qlm_outbox_not_stored(int peer_id, int64 message_id, int code, const char *why)
{
	Datum		values[5];

	values[0] = Int64GetDatum(message_id);
	values[1] = Int32GetDatum(peer_id);
	values[2] = Int32GetDatum(code);
	values[3] = CStringGetTextDatum(why);
	values[4] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	qlm_plan_execute_as_owner(&not_stored_plan, values, NULL);
}
