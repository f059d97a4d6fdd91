/*
 * lease.c
 *		Leases of the dispatcher: rows that are being posted, and what came of
 *		it.
 *
 * A leased row is in state "sent", not due before the lease ends, and has
 * posting set.  The last tells it from a row that was sent and waits for its
 * answer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/lease.h"
#include "storage/outbox/missed.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_sql.h"

/* Claims that are repeated because they found only expired rows */
#define MAX_EXPIRED_CLAIMS 10

/*
 * Data of a subscription that ended during the transfer count as delivered all
 * the same.
 */
#define IS_UNDER_WAY "(state IN ('queued', 'sent') OR (posting AND kind = 'response')) IS TRUE"

/*
 * Two ordered index scans find the candidates.  They are checked again with
 * the row locked, as a concurrent response may have nested one.
 */
#define CLAIM(expired) \
	"WITH " QLM_TURN_OF("$2") ", mine AS (" \
	"(SELECT message_id, priority, seq FROM qlm.outbox" \
	" WHERE url = $1 AND peer_id = $2 AND " QLM_IS_WAITING("", "$3") \
	" AND " QLM_ENDPOINT_IS_HELD("$1", "$2", "$3") " IS NOT TRUE" \
	" ORDER BY priority DESC, seq LIMIT $4)" \
	" UNION ALL" \
	" (SELECT message_id, priority, seq FROM qlm.outbox o" \
	" WHERE $6 AND peer_id = $2 AND url IS NULL AND " QLM_IS_WAITING("", "$3") \
	" AND (kind = 'response' OR " QLM_IS_IN_TURN("o") ")" \
	" ORDER BY priority DESC, seq LIMIT $4))," \
	" held AS (SELECT message_id, " QLM_OUTBOX_IS_ORPHAN("o") " AS is_orphan" \
	" FROM qlm.outbox o WHERE message_id = ANY (ARRAY(" \
	"SELECT message_id FROM mine ORDER BY priority DESC, seq LIMIT $4))" \
	" AND " QLM_IS_LIVE("") " AND " QLM_IS_DUE("", "$3") " FOR UPDATE OF o SKIP LOCKED)," \
	" ended AS (UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL," \
	" last_error = '" QLM_OUTBOX_ENDED "' WHERE message_id =" \
	" ANY (ARRAY(SELECT message_id FROM held WHERE is_orphan)) RETURNING *)," \
	" claimed AS (UPDATE qlm.outbox o SET" \
	" state = CASE WHEN expires_at <= $3 THEN 'expired' ELSE 'sent' END," \
	" attempts = attempts + CASE WHEN expires_at <= $3 THEN 0 ELSE 1 END," \
	" sent_at = CASE WHEN expires_at <= $3 THEN sent_at ELSE $3 END," \
	" next_attempt_at = CASE WHEN expires_at <= $3 THEN NULL ELSE $5 END," \
	" last_error = CASE WHEN expires_at <= $3 THEN " expired \
	" ELSE last_error END," \
	" posting = expires_at > $3" \
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM held WHERE NOT is_orphan))" \
	" RETURNING *)" \
	" SELECT message_id, peer_id, kind, envelope, priority, subscription_id," \
	" created_at, expires_at, attempts, posting, node, dropped" \
	" FROM (TABLE claimed UNION ALL TABLE ended) AS c ORDER BY priority DESC, seq"

/*
 * The text why a row has expired makes the statement more expensive to start
 * than all else in it, so it is used only if a row has expired.
 */
static QlmPlan claim_plan = {
	CLAIM("'time to live ended'"),
	6, {TEXTOID, INT4OID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, BOOLOID}
};

static QlmPlan claim_expired_plan = {
	CLAIM(QLM_SAY_EXPIRED("o")),
	6, {TEXTOID, INT4OID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, BOOLOID}
};

static QlmPlan expired_plan = {
	"SELECT FROM qlm.outbox WHERE state IN ('queued', 'sent') AND expires_at <= $1 LIMIT 1",
	1, {TIMESTAMPTZOID}
};

/*
 * A request that was taken without an answer is sent again, with growing
 * pauses.
 */
static QlmPlan done_plan = {
	"UPDATE qlm.outbox SET posting = false, last_error = NULL, return_code = $3,"
	" state = CASE WHEN $5 OR kind = 'response' THEN 'answered' ELSE state END,"
	" answered_at = CASE WHEN $5 OR kind = 'response' THEN $2 END,"
	" answer = CASE WHEN kind = 'request' THEN $4 END,"
	" next_attempt_at = CASE WHEN $5 OR kind = 'response' THEN NULL ELSE"
	" $2 + LEAST($7, $6 * pg_catalog.power(2, GREATEST(LEAST(attempts, 30), 1) - 1))"
	" * interval '1 ms' END,"
	" deliveries = deliveries + CASE WHEN $5 OR kind = 'response' THEN 0 ELSE 1 END"
	" WHERE message_id = $1 AND " IS_UNDER_WAY
	" RETURNING subscription_id",
	7, {INT8OID, TIMESTAMPTZOID, INT4OID, TEXTOID, BOOLOID, FLOAT8OID, FLOAT8OID}
};

/* A subscription row locked by another session is not counted. */
static QlmPlan count_plan = {
	"WITH mine AS (SELECT request_id FROM qlm.subscription WHERE request_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.subscription s SET deliveries = s.deliveries + 1"
	" FROM mine WHERE s.request_id = mine.request_id",
	1, {INT8OID}
};

static QlmPlan taken_plan = {
	"WITH taken AS (UPDATE qlm.outbox SET state = 'answered', answered_at = $2,"
	" return_code = 200, next_attempt_at = NULL, last_error = NULL, posting = false"
	" WHERE message_id = ANY ($1) AND kind = 'response' AND " IS_UNDER_WAY
	" RETURNING subscription_id),"
	" counted AS (SELECT subscription_id, pg_catalog.count(*) AS n FROM taken"
	" WHERE subscription_id IS NOT NULL GROUP BY subscription_id),"
	" mine AS (SELECT request_id FROM qlm.subscription WHERE request_id ="
	" ANY (ARRAY(SELECT subscription_id FROM counted))"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.subscription s SET deliveries = s.deliveries + counted.n"
	" FROM mine, counted WHERE s.request_id = mine.request_id"
	" AND counted.subscription_id = mine.request_id",
	2, {INT8ARRAYOID, TIMESTAMPTZOID}
};

/*
 * A row may report data that were dropped before it.  If it is refused, these
 * have not been reported and are counted again.
 */
static QlmPlan refuse_plan = {
	"UPDATE qlm.outbox SET state = 'failed', posting = false, last_error = $2,"
	" next_attempt_at = NULL"
	" WHERE message_id = ANY ($1) AND " QLM_IS_LIVE("")
	" RETURNING subscription_id, 1 + dropped",
	2, {INT8ARRAYOID, TEXTOID}
};

/* $4: rows that were sent; for the others the attempt is taken back. */
static QlmPlan give_back_plan = {
	"UPDATE qlm.outbox SET state = 'queued', posting = false,"
	" attempts = attempts - CASE WHEN message_id = ANY ($4) THEN 0 ELSE 1 END,"
	" sent_at = CASE WHEN message_id = ANY ($4) OR attempts > 1 THEN sent_at END,"
	" next_attempt_at = $2, last_error = COALESCE($3, last_error)"
	" WHERE message_id = ANY ($1) AND (state = 'sent') IS TRUE AND posting",
	4, {INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID, INT8ARRAYOID}
};

/*
 * Makes the rows due later, so that others can pass, like rows that were taken
 * without an answer.
 */
static QlmPlan pass_plan = {
	"UPDATE qlm.outbox SET posting = false, last_error = $3,"
	" attempts = attempts - CASE WHEN message_id = ANY ($4) THEN 0 ELSE 1 END,"
	" deliveries = GREATEST(deliveries, attempts - CASE WHEN message_id = ANY ($4) THEN 0 ELSE 1 END),"
	" next_attempt_at = $2 + LEAST($6, $5 * pg_catalog.power(2, LEAST(attempts, 30)))"
	" * interval '1 ms'"
	" WHERE message_id = ANY ($1) AND (state = 'sent') IS TRUE AND posting",
	6, {INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID, INT8ARRAYOID, FLOAT8OID, FLOAT8OID}
};

/* They may have been delivered, so the attempt counts. */
static QlmPlan recover_plan = {
	"UPDATE qlm.outbox SET state = 'queued', posting = false,"
	" next_attempt_at = NULL, last_error = 'the dispatcher ended'"
	" WHERE state = 'sent' AND posting",
	0, {0}
};

/* Rows whose subscription has ended in the meantime */
static QlmPlan recover_ended_plan = {
	"UPDATE qlm.outbox SET posting = false WHERE posting AND state NOT IN ('queued', 'sent')",
	0, {0}
};

/*
 * Rows that were not sent: the attempt is taken back, as if they had not been
 * leased.
 */
static QlmPlan drop_plan = {
	"UPDATE qlm.outbox SET posting = false,"
	" attempts = attempts - CASE WHEN $2 THEN 0 ELSE 1 END,"
	" sent_at = CASE WHEN $2 OR attempts > 1 THEN sent_at END"
	" WHERE message_id = ANY ($1) AND posting"
	" AND (state NOT IN ('queued', 'sent')) IS TRUE RETURNING message_id",
	2, {INT8ARRAYOID, BOOLOID}
};

static QlmPlan ended_failed_plan = {
	"UPDATE qlm.outbox SET posting = false WHERE message_id = ANY ($1) AND posting"
	" AND (state NOT IN ('queued', 'sent')) IS TRUE",
	1, {INT8ARRAYOID}
};

/*
 * Only one dispatcher at a time may lease rows of an endpoint, to keep their
 * order.  Returns false if another one does.
 */
static bool
lock_endpoint(const char *endpoint_key)
{
	LOCKTAG		tag;
	uint32		key = DatumGetUInt32(hash_any((const unsigned char *) endpoint_key,
											  strlen(endpoint_key)));

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, qlm_catalog_relid(QLM_REL_OUTBOX),
					   key, 1);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static QlmOutboxRow *
claimed_row(const char *url, uint64 i)
{
	QlmOutboxRow *row = palloc0(sizeof(QlmOutboxRow));
	bool		isnull;
	char	   *kind = qlm_spi_text(i, 3);
	Datum		subscription_id = qlm_spi_datum(i, 6, &isnull);

	row->subscription_id = isnull ? 0 : DatumGetInt64(subscription_id);
	row->message_id = DatumGetInt64(qlm_spi_datum(i, 1, &isnull));
	row->peer_id = DatumGetInt32(qlm_spi_datum(i, 2, &isnull));
	row->url = url;
	row->is_response = strcmp(kind, "response") == 0;
	row->envelope = qlm_spi_text(i, 4);
	row->priority = DatumGetInt32(qlm_spi_datum(i, 5, &isnull));
	row->created_at = DatumGetTimestampTz(qlm_spi_datum(i, 7, &isnull));
	row->expires_at = DatumGetTimestampTz(qlm_spi_datum(i, 8, &isnull));
	row->attempts = DatumGetInt32(qlm_spi_datum(i, 9, &isnull));
	row->node = qlm_spi_text(i, 11);
	return row;
}

/* Notes an expired row.  What its subscription misses is counted. */
static void
note_expired(uint64 i)
{
	bool		isnull;
	Datum		subscription_id = qlm_spi_datum(i, 6, &isnull);

	if (!isnull)
		qlm_missed_note(DatumGetInt64(subscription_id),
						1 + DatumGetInt64(qlm_spi_datum(i, 12, &isnull)));
	qlm_wake_pending |= QLM_WAKE_ANSWER;
}

/* Runs one claim.  *n is the number of rows found, expired ones included. */
static List *
claim(const QlmEndpoint *endpoint, const char *url, int max, int lease_ms,
	  uint64 *n)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *claimed = NIL;
	Datum		values[6];

	values[0] = CStringGetTextDatum(url);
	values[1] = Int32GetDatum(endpoint->peer_id);
	values[2] = TimestampTzGetDatum(now);
	values[3] = Int64GetDatum(max);
	values[4] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, (int64) lease_ms));
	values[5] = BoolGetDatum(endpoint->is_own);
	qlm_plan_execute_indexed(&expired_plan, &values[2], NULL, 1);
	qlm_plan_execute_indexed(SPI_processed > 0 ? &claim_expired_plan : &claim_plan, values, NULL, 0);
	*n = SPI_processed;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		if (DatumGetBool(qlm_spi_datum(i, 10, &isnull)))
			claimed = lappend(claimed, claimed_row(url, i));
		else
			note_expired(i);
	}
	SPI_freetuptable(SPI_tuptable);
	return claimed;
}

List *
qlm_lease_begin(const QlmEndpoint *endpoint, int max, int lease_ms)
{
	char	   *url = pstrdup(endpoint->url);
	List	   *claimed = NIL;
	uint64		n = 1;
	QlmRights	saved;

	if (max <= 0 || XactReadOnly || !lock_endpoint(qlm_endpoint_key(endpoint)))
		return NIL;
	qlm_rights_become_owner(&saved);
	for (int i = 0; claimed == NIL && n > 0 && i < MAX_EXPIRED_CLAIMS; i++)
		claimed = claim(endpoint, url, max, lease_ms, &n);
	qlm_missed_count();
	qlm_rights_restore(&saved);
	return claimed;
}

static void
count_delivery(int64 subscription_id)
{
	Datum		values[1] = {Int64GetDatum(subscription_id)};

	qlm_plan_execute_indexed(&count_plan, values, NULL, 0);
}

/* Records the outcome of a row.  Returns its subscription, or 0. */
static int64
record_done(int64 message_id, int return_code, const char *answer)
{
	Datum		values[7];
	char		nulls[] = "       ";
	int64		subscription_id = 0;
	bool		isnull;

	values[0] = Int64GetDatum(message_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int32GetDatum(return_code);
	nulls[2] = return_code != 0 ? ' ' : 'n';
	values[3] = answer ? CStringGetTextDatum(answer) : (Datum) 0;
	nulls[3] = answer ? ' ' : 'n';
	values[4] = BoolGetDatum(return_code != 0 || answer != NULL);
	values[5] = Float8GetDatum(qlm_retry_delay);
	values[6] = Float8GetDatum(qlm_retry_max_delay);
	qlm_plan_execute_indexed(&done_plan, values, nulls, 0);
	if (SPI_processed > 0)
	{
		Datum		datum = qlm_spi_datum(0, 1, &isnull);

		qlm_wake_pending |= QLM_WAKE_ANSWER;
		qlm_wake_key_note(qlm_wake_key_of_row(message_id));
		subscription_id = isnull ? 0 : DatumGetInt64(datum);
	}
	SPI_freetuptable(SPI_tuptable);
	return subscription_id;
}

void
qlm_lease_answered(const QlmEndpoint *endpoint, int64 message_id,
				   int return_code, const char *answer)
{
	QlmRights	saved;
	int64		subscription_id;

	qlm_rights_become_owner(&saved);
	subscription_id = record_done(message_id, return_code, answer);
	if (subscription_id != 0)
		count_delivery(subscription_id);
	qlm_endpoint_delivered(endpoint, 1);
	qlm_rights_restore(&saved);
}

static Datum
id_array(const List *message_ids)
{
	int			n = list_length(message_ids);
	int64	   *ids = palloc(Max(n, 1) * sizeof(int64));

	for (int i = 0; i < n; i++)
		ids[i] = *(int64 *) list_nth(message_ids, i);
	return qlm_array_int8(ids, n);
}

void
qlm_lease_accepted(const QlmEndpoint *endpoint, List *message_ids)
{
	Datum		values[2];
	QlmRights	saved;

	if (message_ids == NIL)
		return;
	values[0] = id_array(message_ids);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&taken_plan, values, NULL, 0);
	qlm_endpoint_delivered(endpoint, list_length(message_ids));
	qlm_rights_restore(&saved);
	qlm_wake_pending |= QLM_WAKE_ANSWER;
}

/*
 * Ends the leases of rows whose subscription ended during a transfer that
 * failed.
 */
static void
release_ended(const List *message_ids)
{
	Datum		values[1] = {id_array(message_ids)};

	qlm_plan_execute_indexed(&ended_failed_plan, values, NULL, 0);
}

/*
 * Ends the leases of rows that were not taken.  tried: those that were sent;
 * reason: what is noted in the rows, or NULL
 */
static void
give_back(const List *message_ids, const List *tried, TimestampTz until,
		  const char *reason)
{
	Datum		values[4];
	char		nulls[] = "    ";

	if (message_ids == NIL)
		return;
	values[0] = id_array(message_ids);
	values[1] = TimestampTzGetDatum(until);
	nulls[1] = until != 0 ? ' ' : 'n';
	values[2] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
	nulls[2] = reason ? ' ' : 'n';
	values[3] = id_array(tried);
	qlm_plan_execute_indexed(&give_back_plan, values, nulls, 0);
	release_ended(message_ids);
	/* The peer may be waiting for rows to be nested that could not be posted. */
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

void
qlm_lease_refused(const QlmEndpoint *endpoint, List *message_ids,
				  const char *reason)
{
	Datum		values[2];
	QlmRights	saved;
	ListCell   *lc;

	values[0] = id_array(message_ids);
	values[1] = CStringGetTextDatum(reason);
	qlm_rights_become_owner(&saved);
	qlm_endpoint_refused(endpoint, reason, list_length(message_ids));
	qlm_plan_execute_indexed(&refuse_plan, values, NULL, 0);
	qlm_missed_note_rows();
	release_ended(message_ids);
	qlm_missed_count();
	qlm_rights_restore(&saved);
	qlm_wake_pending |= QLM_WAKE_ANSWER;
	foreach(lc, message_ids)
		qlm_wake_key_note(qlm_wake_key_of_row(*(int64 *) lfirst(lc)));
}

void
qlm_lease_failed(const QlmEndpoint *endpoint, List *message_ids,
				 List *tried, const char *reason, int retry_after,
					bool once_more)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	give_back(message_ids, tried,
			  qlm_endpoint_failed(endpoint, reason, retry_after, once_more), reason);
	qlm_rights_restore(&saved);
}

void
qlm_lease_passed(List *message_ids, List *tried, const char *reason)
{
	Datum		values[6];
	QlmRights	saved;

	values[0] = id_array(message_ids);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(reason);
	values[3] = id_array(tried);
	values[4] = Float8GetDatum(qlm_retry_delay);
	values[5] = Float8GetDatum(qlm_retry_max_delay);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&pass_plan, values, NULL, 0);
	release_ended(message_ids);
	qlm_rights_restore(&saved);
}

void
qlm_lease_release(List *message_ids)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	give_back(message_ids, NIL, 0, NULL);
	qlm_rights_restore(&saved);
}

void
qlm_lease_recover(void)
{
	QlmRights	saved;

	if (XactReadOnly)
		return;
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&recover_plan, NULL, NULL, 0);
	qlm_plan_execute_indexed(&recover_ended_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
}

static bool
was_dropped(int64 message_id)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		if (DatumGetInt64(qlm_spi_datum(i, 1, &isnull)) == message_id)
			return true;
	}
	return false;
}

List *
qlm_lease_drop_ended(List *rows, int from, bool tried)
{
	int64	   *ids = palloc(Max(list_length(rows), 1) * sizeof(int64));
	List	   *kept = NIL;
	int			n = 0;
	Datum		values[2];

	for (int i = from; i < list_length(rows); i++)
	{
		const QlmOutboxRow *row = list_nth(rows, i);

		if (row->is_response && row->subscription_id != 0)
			ids[n++] = row->message_id;
	}
	if (n == 0)
		return rows;
	values[0] = qlm_array_int8(ids, n);
	values[1] = BoolGetDatum(tried);
	qlm_plan_execute_as_owner(&drop_plan, values, NULL);
	for (int i = 0; i < list_length(rows); i++)
	{
		QlmOutboxRow *row = list_nth(rows, i);

		if (i < from || !was_dropped(row->message_id))
			kept = lappend(kept, row);
	}
	SPI_freetuptable(SPI_tuptable);
	return kept;
}
