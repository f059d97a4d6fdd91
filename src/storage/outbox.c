/*
 * outbox.c
 *		The queue: putting messages in, taking out what is due for a peer, and
 *		ending what is over.  What answers do to it is in outbox_answer.c.
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
#include "storage/array.h"
#include "storage/catalog.h"
#include "storage/delivery_missed.h"
#include "storage/indexed.h"
#include "storage/outbox.h"
#include "storage/role.h"
#include "storage/wake_key.h"

/* Expired messages that one claim marks on its way */
#define CLAIM_EXPIRES 100

int			qlm_wake_pending = 0;

static QlmPlan id_free_plan = {
	"SELECT WHERE NOT EXISTS (SELECT FROM qlm.outbox WHERE message_id = $1)"
	" AND NOT EXISTS (SELECT FROM qlm.subscription WHERE request_id = $1)"
	" AND NOT EXISTS (SELECT FROM qlm.subscription_value WHERE request_id = $1)"
	" AND NOT EXISTS (SELECT FROM qlm.gathering WHERE request_id = $1)"
	" AND NOT EXISTS (SELECT FROM qlm.forwarding WHERE request_id = $1)",
	1, {INT8OID}
};

static QlmPlan add_plan = {
	"INSERT INTO qlm.outbox (message_id, peer, url, kind, envelope, priority,"
	" subscription_id, created_at, expires_at, dropped, asker_role, asker_peer, node,"
	" awaited_by, peer_id, asker_peer_id, asker_role_id)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
	17, {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT8OID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, NAMEOID, TEXTOID, TEXTOID, INT8OID,
	INT4OID, INT4OID, INT8OID}
};

/*
 * Written, as the time of the next attempt below, so that an index on times
 * is no choice against the one on the peer.
 */
#define IS_ALIVE "(expires_at > $2) IS TRUE"

/* What is queued is due, whatever the endpoint that it could not be posted to */
#define IS_DUE \
	"(state = 'queued' OR next_attempt_at IS NULL OR next_attempt_at <= $2)"
#define IS_WAITING "state IN ('queued', 'sent') AND " IS_DUE

#define WAITS_FOR(peer) "peer_id = " peer " AND url IS NULL AND " IS_WAITING

/*
 * Where the message is known by its id: written so that the indexes on what
 * waits are no choice against the one on the id.
 */
#define IS_LIVE "(state IN ('queued', 'sent')) IS TRUE"

/*
 * Messages with a URL of their own are posted there.  While that endpoint is
 * paused, and so nobody posts to it, their peer may have them.  Looking no
 * further than the first ones bounds the time where the endpoint is open.
 */
#define WAITS_FOR_URL(peer) \
	"(SELECT m.message_id, m.kind, m.priority, m.seq, m.expires_at FROM (" \
	"SELECT message_id, kind, priority, seq, url, expires_at FROM qlm.outbox" \
	" WHERE peer_id = " peer " AND peer_id <> 0 AND url IS NOT NULL AND " IS_WAITING \
	" ORDER BY priority DESC, seq LIMIT 100) AS m WHERE EXISTS (SELECT" \
	" FROM qlm.endpoint e WHERE e.url = m.url AND e.peer_id = " peer \
	" AND e.paused_until > $2))"

/*
 * What has outlived its ttl counts as well: a claim says so of it.  The limit
 * stops each probe at the first message that is due.
 */
static QlmPlan due_plan = {
	"SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM qlm.outbox WHERE peer_id = p.id AND url IS NULL"
	" AND state IN ('queued', 'sent') AND (state = 'queued'"
	" OR next_attempt_at IS NULL OR next_attempt_at <= $2"
	" OR (expires_at <= $2) IS TRUE) LIMIT 1) AS o"
	" UNION ALL"
	" SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM " WAITS_FOR_URL("p.id") " AS u LIMIT 1) AS o",
	2, {INT4ARRAYOID, TIMESTAMPTZOID}
};

/* Data for callbacks, rather than answers, which who asked asks for again */
#define IS_DATA(row) \
	"(" row ".kind = 'response' AND (" row ".url IS NOT NULL" \
	" OR " row ".subscription_id IS NOT NULL))"

#define HAS_ROOM \
	"CASE kind WHEN 'response' THEN NOT (SELECT yes FROM held)" \
	" ELSE (SELECT n FROM busy) < $4 END"

/* It stays until it is acknowledged, by a peer that does so. */
#define IS_KEPT "(o.kind = 'request' OR ($8 AND " IS_DATA("o") "))"

/*
 * Those that are sent and not due again are busy; only the first requests
 * that still fit beside them leave.  While data wait to be acknowledged, none
 * leave that come after them.  Rows that somebody holds are just being
 * answered, cancelled or posted, so the lock looks at each again.
 */
static QlmPlan claim_plan = {
	"WITH held AS (SELECT EXISTS (SELECT FROM qlm.outbox WHERE peer_id = $1"
	" AND state = 'sent' AND kind = 'response' AND NOT posting"
	" AND (next_attempt_at > $2) IS TRUE AND " IS_ALIVE ") AS yes),"
	" busy AS (SELECT pg_catalog.count(*) AS n FROM qlm.outbox"
	" WHERE peer_id = $1 AND url IS NULL AND kind = 'request' AND state = 'sent'"
	" AND (next_attempt_at > $2) IS TRUE AND " IS_ALIVE "),"
	" waiting AS ((SELECT message_id, priority, seq FROM qlm.outbox"
	" WHERE " WAITS_FOR("$1") " AND " IS_ALIVE
	" AND " HAS_ROOM
	" ORDER BY priority DESC, seq LIMIT $3)"
	" UNION ALL"
	" (SELECT message_id, priority, seq FROM " WAITS_FOR_URL("$1") " AS u"
	" WHERE " IS_ALIVE " AND " HAS_ROOM
	" ORDER BY priority DESC, seq LIMIT $3)),"
	" due AS (SELECT message_id, kind, priority, seq FROM qlm.outbox"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM waiting"
	" ORDER BY priority DESC, seq LIMIT $3)) AND " IS_LIVE " AND " IS_DUE
	" FOR UPDATE SKIP LOCKED),"
	" counted AS MATERIALIZED (SELECT message_id, (SELECT n FROM busy) + pg_catalog.count(*)"
	" FILTER (WHERE kind = 'request') OVER (ORDER BY priority DESC, seq) AS n, kind"
	" FROM due),"
	" claimed AS (UPDATE qlm.outbox o SET attempts = o.attempts + 1, sent_at = $2,"
	" state = CASE WHEN " IS_KEPT " THEN 'sent' ELSE 'answered' END,"
	" answered_at = CASE WHEN NOT " IS_KEPT " THEN $2 END,"
	" next_attempt_at = CASE WHEN " IS_KEPT " THEN $2 + LEAST($6, $5"
	" * pg_catalog.power(2, CASE WHEN $7 THEN LEAST(o.attempts, 30) ELSE 0 END))"
	" * interval '1 ms' END, posting = false"
	" WHERE o.message_id = ANY (ARRAY(SELECT c.message_id FROM counted c"
	" WHERE c.kind = 'response' OR c.n <= $4)) RETURNING o.*)"
	" SELECT message_id, kind, envelope, priority, subscription_id, created_at,"
	" expires_at, attempts, " IS_DATA("claimed") " FROM claimed ORDER BY priority DESC, seq",
	8, {INT4OID, TIMESTAMPTZOID, INT8OID, INT8OID, FLOAT8OID, FLOAT8OID, BOOLOID,
	BOOLOID}
};

static QlmPlan reconnected_plan = {
	"UPDATE qlm.outbox SET next_attempt_at = LEAST(next_attempt_at,"
	" sent_at + $2 * interval '1 ms') WHERE peer_id = $1 AND url IS NULL"
	" AND state = 'sent' AND state IN ('queued', 'sent') AND NOT posting",
	2, {INT4OID, FLOAT8OID}
};

static QlmPlan unclaim_plan = {
	"UPDATE qlm.outbox SET attempts = attempts - 1, answered_at = NULL,"
	" state = CASE WHEN attempts > 1 THEN 'sent' ELSE 'queued' END,"
	" sent_at = CASE WHEN attempts > 1 THEN sent_at END, next_attempt_at = NULL"
	" WHERE message_id = $1 AND attempts > 0",
	1, {INT8OID}
};

static QlmPlan fail_plan = {
	"UPDATE qlm.outbox SET state = 'failed', last_error = $2,"
	" next_attempt_at = NULL, answered_at = NULL WHERE message_id = $1",
	2, {INT8OID, TEXTOID}
};

static QlmPlan requeue_plan = {
	"UPDATE qlm.outbox SET state = 'queued', created_at = $2,"
	" expires_at = CASE WHEN expires_at < 'infinity'"
	" THEN $2 + (expires_at - created_at) ELSE expires_at END,"
	" seq = pg_catalog.nextval('qlm.outbox_seq'), attempts = 0,"
	" next_attempt_at = NULL, sent_at = NULL, answered_at = NULL,"
	" return_code = NULL, answer = NULL, last_error = NULL, posting = false,"
	" sent_as = NULL"
	" WHERE message_id = $1 AND (state IN ('failed', 'expired', 'cancelled')) IS TRUE",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* Nobody can have it any more, whoever has the name now. */
static QlmPlan gone_plan = {
	"SELECT peer FROM qlm.outbox o WHERE message_id = $1 AND peer_id <> 0"
	" AND NOT EXISTS (SELECT FROM qlm.peer p WHERE p.peer_id = o.peer_id)",
	1, {INT8OID}
};

#define EXPIRE(condition) \
	"WITH past AS (SELECT message_id FROM qlm.outbox" \
	" WHERE state IN ('queued', 'sent') AND expires_at <= $1" condition \
	" ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)" \
	" UPDATE qlm.outbox o SET state = 'expired', next_attempt_at = NULL," \
	" posting = false," \
	" last_error = '" QLM_OUTBOX_TTL_ENDED "'" \
	" FROM past WHERE o.message_id = past.message_id" \
	" RETURNING o.subscription_id, 1 + o.dropped"

static QlmPlan expire_plan = {
	EXPIRE(""), 2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan expire_peer_plan = {
	EXPIRE(" AND peer_id = $3"), 3, {TIMESTAMPTZOID, INT8OID, INT4OID}
};

/* Execute as the owner a statement that returns nothing; how many rows? */
static uint64
run_as_owner(QlmPlan *plan, Datum *values, const char *nulls)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	return SPI_processed;
}

void
qlm_outbox_random_ids(int64 *ids, int n, bool is_small)
{
	int64		mask = is_small ? PG_INT32_MAX : ((int64) 1 << 53) - 1;

	if (!pg_strong_random(ids, n * sizeof(int64)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	for (int i = 0; i < n; i++)
		ids[i] = Max(ids[i] & mask, 1);
}

int64
qlm_outbox_new_id(bool is_small)
{
	for (;;)
	{
		int64		id;
		Datum		values[1];

		qlm_outbox_random_ids(&id, 1, is_small);
		values[0] = Int64GetDatum(id);
		if (run_as_owner(&id_free_plan, values, NULL) > 0)
			return id;
	}
}

void
qlm_outbox_check_url(const char *url)
{
	if (strlen(url) > QLM_MAX_URL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a URL of %zu bytes is longer than the %d that are allowed",
						strlen(url), QLM_MAX_URL)));
}

static void
set_text(Datum *values, char *nulls, int i, const char *text)
{
	values[i] = text ? CStringGetTextDatum(text) : (Datum) 0;
	nulls[i] = text ? ' ' : 'n';
}

static void
set_asker(Datum *values, char *nulls, const QlmMessage *message)
{
	Name		role = palloc0(sizeof(NameData));

	if (OidIsValid(message->asker_role))
		namestrcpy(role, qlm_role_name(message->asker_role));
	values[10] = NameGetDatum(role);
	nulls[10] = OidIsValid(message->asker_role) ? ' ' : 'n';
	set_text(values, nulls, 11, message->asker_peer);
	set_text(values, nulls, 12, message->node);
}

/*
 * Only the peer that it is for can answer it.  Where it was sent on for somebody
 * he may ask for the answer by its number.
 */
static bool
is_between_us(const QlmMessage *message)
{
	return message->peer && message->url == NULL && !OidIsValid(message->asker_role);
}

int64
qlm_outbox_add(const QlmMessage *message)
{
	int64		message_id = message->message_id;
	Datum		values[17];
	char		nulls[17];

	if (message->url)
		qlm_outbox_check_url(message->url);
	if (message_id == 0)
		message_id = qlm_outbox_new_id(is_between_us(message));
	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(message_id);
	set_text(values, nulls, 1, message->peer);
	set_text(values, nulls, 2, message->url);
	values[3] = CStringGetTextDatum(message->is_response ? "response" : "request");
	values[4] = CStringGetTextDatum(message->envelope);
	values[5] = Int32GetDatum(message->priority);
	values[6] = Int64GetDatum(message->subscription_id);
	nulls[6] = message->subscription_id != 0 ? ' ' : 'n';
	values[7] = TimestampTzGetDatum(message->created_at != 0 ?
									message->created_at : GetCurrentTimestamp());
	values[8] = TimestampTzGetDatum(message->expires_at);
	values[9] = Int64GetDatum(message->dropped);
	set_asker(values, nulls, message);
	values[13] = Int64GetDatum(message->awaited_by);
	nulls[13] = message->awaited_by != 0 ? ' ' : 'n';
	values[14] = Int32GetDatum(message->peer_id);
	values[15] = Int32GetDatum(message->asker_peer_id);
	values[16] = Int64GetDatum(qlm_role_number(message->asker_role));
	run_as_owner(&add_plan, values, nulls);
	qlm_outbox_note(message);
	return message_id;
}

void
qlm_outbox_due(const int *peer_ids, int n, bool *due)
{
	Datum		values[2];

	memset(due, 0, n * sizeof(bool));
	if (n == 0 || XactReadOnly)
		return;
	values[0] = qlm_array_int4(peer_ids, n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	run_as_owner(&due_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		due[DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) - 1] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

static int
expire(QlmPlan *plan, int max, int peer_id)
{
	Datum		values[3];
	QlmRights	saved;
	uint64		n;

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	values[2] = Int32GetDatum(peer_id);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(plan, values, NULL, 0);
	n = SPI_processed;
	qlm_missed_note_rows();
	qlm_missed_count();
	qlm_rights_restore(&saved);
	if (n > 0)
		qlm_wake_pending |= QLM_WAKE_ANSWER;
	return (int) n;
}

int
qlm_outbox_expire(int max)
{
	return expire(&expire_plan, max, 0);
}

/*
 * Messages of a peer leave in order: one transaction at a time takes them, and
 * who comes second takes nothing instead of waiting.
 */
static bool
lock_queue(int peer_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, qlm_catalog_relid(QLM_REL_OUTBOX),
					   (uint32) peer_id, 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static QlmMessage *
claimed_message(int peer_id, uint64 row)
{
	QlmMessage *message = palloc0(sizeof(QlmMessage));
	bool		isnull;
	char	   *kind = qlm_spi_text(row, 2);
	Datum		subscription_id = qlm_spi_datum(row, 5, &isnull);

	message->subscription_id = isnull ? 0 : DatumGetInt64(subscription_id);
	message->message_id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
	message->peer_id = peer_id;
	message->is_response = strcmp(kind, "response") == 0;
	message->envelope = qlm_spi_text(row, 3);
	message->priority = DatumGetInt32(qlm_spi_datum(row, 4, &isnull));
	message->created_at = DatumGetTimestampTz(qlm_spi_datum(row, 6, &isnull));
	message->expires_at = DatumGetTimestampTz(qlm_spi_datum(row, 7, &isnull));
	message->attempts = DatumGetInt32(qlm_spi_datum(row, 8, &isnull));
	message->is_data = DatumGetBool(qlm_spi_datum(row, 9, &isnull));
	return message;
}

List *
qlm_outbox_claim(int peer_id, int max, int outstanding_max, bool rarely,
				 bool acknowledged)
{
	List	   *claimed = NIL;
	Datum		values[8];

	if (max <= 0 || XactReadOnly || !lock_queue(peer_id))
		return NIL;
	expire(&expire_peer_plan, CLAIM_EXPIRES, peer_id);
	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int64GetDatum(max);
	values[3] = Int64GetDatum(outstanding_max);
	values[4] = Float8GetDatum(qlm_retry_delay);
	values[5] = Float8GetDatum(Max(qlm_retry_delay, qlm_retry_max_delay));
	values[6] = BoolGetDatum(rarely);
	values[7] = BoolGetDatum(acknowledged);
	run_as_owner(&claim_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmMessage *message = claimed_message(peer_id, row);

		if (message->is_response)
			qlm_wake_pending |= QLM_WAKE_ANSWER;
		claimed = lappend(claimed, message);
	}
	SPI_freetuptable(SPI_tuptable);
	return claimed;
}

void
qlm_outbox_reconnected(int peer_id)
{
	Datum		values[2];

	if (XactReadOnly)
		return;
	values[0] = Int32GetDatum(peer_id);
	values[1] = Float8GetDatum(qlm_retry_delay);
	run_as_owner(&reconnected_plan, values, NULL);
}

void
qlm_outbox_unclaim(int64 message_id)
{
	Datum		values[1] = {Int64GetDatum(message_id)};

	run_as_owner(&unclaim_plan, values, NULL);
}

void
qlm_outbox_fail(int64 message_id, const char *reason)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = CStringGetTextDatum(reason);
	run_as_owner(&fail_plan, values, NULL);
	qlm_wake_pending |= QLM_WAKE_ANSWER;
	qlm_wake_key_note(qlm_wake_key_of_message(message_id));
}

static void
require_peer(int64 message_id)
{
	Datum		values[1] = {Int64GetDatum(message_id)};

	if (run_as_owner(&gone_plan, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the peer that message " INT64_FORMAT " was for is gone",
						message_id),
				 errdetail("It was called \"%s\". A peer that has the name now is another one.",
						   qlm_spi_text(0, 1)),
				 errhint("Queue a new request with qlm_request.")));
}

bool
qlm_outbox_requeue(int64 message_id)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	require_peer(message_id);
	if (run_as_owner(&requeue_plan, values, NULL) == 0)
		return false;
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
	qlm_wake_key_note_all();
	return true;
}

