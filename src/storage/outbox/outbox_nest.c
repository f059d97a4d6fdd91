/*
 * outbox_nest.c
 *		Rows for a peer that calls or is connected: whether any are due, and
 *		claiming them.
 *
 * A request that was delivered QLM_PASS_AFTER times without an answer lets
 * others pass.  It is sent again with growing pauses, after the others.  A
 * request to be kept in order neither passes others nor is passed.
 *
 * A peer that does not copy requestIDs can only be matched by the contents of
 * its answers.  So it has one request at a time.  The next one leaves when
 * that is answered or was delivered QLM_PASS_AFTER times, and not within
 * qlm.retry_delay after a delivery.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_nest.h"
#include "storage/outbox/outbox_sql.h"
#include "storage/replica/node_place.h"

/* Expired rows that one claim marks on its way */
#define CLAIM_EXPIRES 100

/*
 * Written with IS TRUE, as is the time of the next attempt below: so the
 * planner uses the index on the peer and not one on times.
 */
#define IS_ALIVE "(expires_at > $2) IS TRUE"

#define WAITS_FOR(peer) "peer_id = " peer " AND url IS NULL AND " QLM_IS_WAITING("", "$2")

/*
 * Rows with a URL of their own are posted there.  While that endpoint is
 * paused nobody posts to it, so the peer may get them nested.  Only the first
 * ones are checked, which bounds the time if the endpoint is not paused.
 */
#define WAITS_FOR_URL(peer) \
	"(SELECT m.* FROM (" \
	"SELECT message_id, kind, priority, seq, state, url, expires_at, deliveries, in_order" \
	" FROM qlm.outbox" \
	" WHERE peer_id = " peer " AND peer_id <> 0 AND url IS NOT NULL AND " QLM_IS_WAITING("", "$2") \
	" ORDER BY priority DESC, seq LIMIT 100) AS m WHERE EXISTS (SELECT" \
	" FROM qlm.endpoint e WHERE e.url = m.url AND e.peer_id = " peer \
	" AND e.paused_until > $2))"

/*
 * Expired rows count as well, so that a claim marks them.  LIMIT stops each
 * probe at the first row that is due.
 */
static QlmPlan due_plan = {
	"SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM qlm.outbox WHERE peer_id = p.id AND url IS NULL"
	" AND state IN ('queued', 'sent') AND (" QLM_IS_DUE("", "$2")
	" OR (expires_at <= $2) IS TRUE) LIMIT 1) AS o"
	" UNION ALL"
	" SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM " WAITS_FOR_URL("p.id") " AS u LIMIT 1) AS o",
	2, {INT4ARRAYOID, TIMESTAMPTZOID}
};

/*
 * Data for callbacks.  Other responses are answers, which whoever asked can
 * ask for again.
 */
#define IS_DATA(row) \
	"(" row ".kind = 'response' AND (" row ".url IS NOT NULL" \
	" OR " row ".subscription_id IS NOT NULL))"

/* Rows that are kept until they are acknowledged, by peers that do so */
#define IS_KEPT "(o.kind = 'request' OR ($8 AND " IS_DATA("o") "))"

#define HAS_STALLED(row) "(" row ".state = 'sent' AND " QLM_LETS_PASS(row) ")"

/*
 * At most so many rows may be sent without an answer; beyond that no new one
 * leaves.
 */
#define MAX_UNANSWERED "100"

#define HAS_ROOM(row) \
	"CASE " row ".kind WHEN 'response' THEN NOT $9 AND NOT (SELECT yes FROM held)" \
	" ELSE (SELECT busy FROM unanswered) < $4" \
	" AND (" row ".state = 'sent' OR (SELECT n FROM unanswered)" \
	" <= GREATEST(" MAX_UNANSWERED " - $3, 0))" \
	" AND " QLM_IS_IN_TURN(row) " END"

/* $4 = 1: one request at a time */
static QlmPlan claim_plan = {
	"WITH held AS (SELECT EXISTS (SELECT FROM qlm.outbox WHERE peer_id = $1"
	" AND state = 'sent' AND kind = 'response' AND NOT posting"
	" AND (next_attempt_at > $2) IS TRUE AND " IS_ALIVE ") AS yes),"
	" unanswered AS (SELECT pg_catalog.count(*) AS n, pg_catalog.count(*) FILTER (WHERE"
	" CASE WHEN " HAS_STALLED("o") " THEN $4 = 1 AND sent_at > $2 - $5 * interval '1 ms'"
	" ELSE (next_attempt_at > $2) IS TRUE END) AS busy FROM qlm.outbox o"
	" WHERE peer_id = $1 AND url IS NULL AND kind = 'request' AND state = 'sent'"
	" AND " IS_ALIVE "),"
	QLM_TURN_OF("$1") ","
	" stalled AS (SELECT message_id, priority, seq, sent_at,"
	" pg_catalog.row_number() OVER (ORDER BY sent_at) AS place FROM qlm.outbox o"
	" WHERE peer_id = $1 AND url IS NULL AND kind = 'request' AND state = 'sent'"
	" AND " QLM_IS_DUE("", "$2") " AND " IS_ALIVE " AND " HAS_STALLED("o") " AND " HAS_ROOM("o")
	" ORDER BY sent_at LIMIT $3),"

	/* A request that has stalled has a place in any case, if others lose none. */
	" waiting AS ((SELECT message_id, priority, seq, false AS passed,"
	" CASE WHEN $4 = 1 AND kind = 'request' AND state = 'sent' THEN 0 ELSE 2 END AS rank"
	" FROM qlm.outbox o WHERE " WAITS_FOR("$1") " AND " IS_ALIVE
	" AND NOT " HAS_STALLED("o") " AND " HAS_ROOM("o")
	" ORDER BY priority DESC, seq LIMIT $3)"
	" UNION ALL"
	" (SELECT message_id, priority, seq, false, 2 FROM " WAITS_FOR_URL("$1") " AS u"
	" WHERE " IS_ALIVE " AND " HAS_ROOM("u")
	" ORDER BY priority DESC, seq LIMIT $3)"
	" UNION ALL"
	" SELECT message_id, priority, seq, true, CASE WHEN place = 1"
	" AND CASE WHEN $4 = 1 THEN $7 ELSE $3 > 1 END THEN 1 ELSE 3 END FROM stalled),"
	" due AS (SELECT message_id, kind, " QLM_OUTBOX_IS_ORPHAN("o") " AS is_orphan"
	" FROM qlm.outbox o WHERE message_id = ANY (ARRAY(SELECT message_id FROM waiting"
	" ORDER BY rank, priority DESC, seq LIMIT $3)) AND " QLM_IS_LIVE("") " AND " QLM_IS_DUE("", "$2")
	" FOR UPDATE OF o SKIP LOCKED),"
	" ended AS (UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL,"
	" last_error = '" QLM_OUTBOX_ENDED "' WHERE message_id ="
	" ANY (ARRAY(SELECT message_id FROM due WHERE is_orphan))),"
	" counted AS MATERIALIZED (SELECT w.message_id, w.passed,"
	" (SELECT busy FROM unanswered) + pg_catalog.count(*)"
	" FILTER (WHERE d.kind = 'request' AND (NOT w.passed OR $4 = 1))"
	" OVER (ORDER BY w.rank, w.priority DESC, w.seq) AS n, d.kind"
	" FROM due d JOIN waiting w ON w.message_id = d.message_id WHERE NOT d.is_orphan),"

	/* Data are repeated without growing pauses, since they block what follows. */
	" claimed AS (UPDATE qlm.outbox o SET attempts = o.attempts + 1, sent_at = $2,"
	" deliveries = o.deliveries + 1,"
	" state = CASE WHEN " IS_KEPT " THEN 'sent' ELSE 'answered' END,"
	" answered_at = CASE WHEN NOT " IS_KEPT " THEN $2 END,"
	" next_attempt_at = CASE WHEN " IS_KEPT " THEN $2 + LEAST($6, $5"
	" * CASE o.kind WHEN 'request' THEN pg_catalog.power(2, LEAST(o.deliveries, 30)) ELSE 1 END)"
	" * interval '1 ms' END, posting = false,"
	" last_error = CASE WHEN o.kind <> 'request' THEN o.last_error"
	" WHEN o.deliveries > 0 THEN " QLM_SAY_UNANSWERED("(o.deliveries + 1)", "o.in_order") " END"
	" WHERE o.message_id = ANY (ARRAY(SELECT c.message_id FROM counted c"
	" WHERE c.kind = 'response' OR c.n <= $4 OR (c.passed AND $4 > 1))) RETURNING o.*)"
	" SELECT c.message_id, c.kind, c.envelope, c.priority, c.subscription_id, c.created_at,"
	" c.expires_at, c.attempts, " IS_DATA("c") " FROM claimed c JOIN counted n"
	" ON n.message_id = c.message_id ORDER BY n.passed, c.priority DESC, c.seq",
	9, {INT4OID, TIMESTAMPTZOID, INT8OID, INT8OID, FLOAT8OID, FLOAT8OID, BOOLOID,
	BOOLOID, BOOLOID}
};

/*
 * The same for most queues, at half the cost: the first rows that are due are
 * new requests that need not be kept in order, and there is no row that must
 * go before them.  If there is, nothing is claimed.  A row queued during the
 * statement counts as queued after it.  $4 must be above 1.
 */
static QlmPlan claim_new_plan = {
	"WITH unanswered AS (SELECT pg_catalog.count(*) AS n, pg_catalog.count(*) FILTER"
	" (WHERE (next_attempt_at > $2) IS TRUE) AS busy,"
	" pg_catalog.max(deliveries) AS deliveries FROM qlm.outbox"
	" WHERE peer_id = $1 AND url IS NULL AND kind = 'request' AND state = 'sent'"
	" AND " IS_ALIVE "),"
	" first AS MATERIALIZED (SELECT message_id,"
	" kind = 'request' AND state = 'queued' AND deliveries = 0 AND NOT in_order AS is_new"
	" FROM qlm.outbox WHERE " WAITS_FOR("$1") " AND " IS_ALIVE
	" ORDER BY priority DESC, seq LIMIT $3),"
	" held AS (SELECT message_id, priority, seq FROM qlm.outbox"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM first"
	" WHERE (SELECT pg_catalog.bool_and(is_new) FROM first)"
	" AND (SELECT n <= GREATEST(" MAX_UNANSWERED " - $3, 0) AND busy < $4"
	" AND (deliveries >= " QLM_PASS_AFTER_TEXT ") IS NOT TRUE FROM unanswered)"
	" AND NOT EXISTS (SELECT FROM qlm.outbox WHERE peer_id = $1"
	" AND state IN ('queued', 'sent') AND in_order)"
	" AND NOT EXISTS (SELECT FROM qlm.outbox WHERE peer_id = $1 AND peer_id <> 0"
	" AND state IN ('queued', 'sent') AND url IS NOT NULL)))"
	" AND (state = 'queued') IS TRUE AND deliveries = 0 AND NOT in_order"
	" FOR UPDATE SKIP LOCKED),"
	" claimed AS (UPDATE qlm.outbox SET attempts = attempts + 1, sent_at = $2,"
	" deliveries = 1, state = 'sent', answered_at = NULL,"
	" next_attempt_at = $2 + LEAST($6, $5) * interval '1 ms', posting = false,"
	" last_error = NULL WHERE message_id = ANY (ARRAY(SELECT message_id FROM held"
	" ORDER BY priority DESC, seq LIMIT (SELECT GREATEST($4 - busy, 0) FROM unanswered)))"
	" RETURNING *)"
	" SELECT message_id, kind, envelope, priority, subscription_id, created_at,"
	" expires_at, attempts, false FROM claimed ORDER BY priority DESC, seq",
	6, {INT4OID, TIMESTAMPTZOID, INT8OID, INT8OID, FLOAT8OID, FLOAT8OID}
};

static QlmPlan reconnected_plan = {
	"UPDATE qlm.outbox SET next_attempt_at = LEAST(next_attempt_at,"
	" sent_at + $2 * interval '1 ms') WHERE peer_id = $1 AND url IS NULL"
	" AND state = 'sent' AND state IN ('queued', 'sent') AND NOT posting",
	2, {INT4OID, FLOAT8OID}
};

static QlmPlan unclaim_plan = {
	"UPDATE qlm.outbox SET attempts = attempts - 1, answered_at = NULL,"
	" deliveries = GREATEST(deliveries - 1, 0),"
	" state = CASE WHEN attempts > 1 THEN 'sent' ELSE 'queued' END,"
	" sent_at = CASE WHEN attempts > 1 THEN sent_at END, next_attempt_at = NULL"
	" WHERE message_id = $1 AND attempts > 0",
	1, {INT8OID}
};

void
qlm_nest_due(const int *peer_ids, int n, bool *due)
{
	Datum		values[2];

	memset(due, 0, n * sizeof(bool));
	if (n == 0 || XactReadOnly || qlm_node_place_holds())
		return;
	values[0] = qlm_array_int4(peer_ids, n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_as_owner(&due_plan, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		due[DatumGetInt64(qlm_spi_datum(i, 1, &isnull)) - 1] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Rows of a peer leave in order, so one transaction at a time claims them.
 * Returns false if another one does.
 */
static bool
lock_queue(int peer_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, qlm_catalog_relid(QLM_REL_OUTBOX),
					   (uint32) peer_id, 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static QlmOutboxRow *
claimed_row(int peer_id, uint64 i)
{
	QlmOutboxRow *row = palloc0(sizeof(QlmOutboxRow));
	bool		isnull;
	char	   *kind = qlm_spi_text(i, 2);
	Datum		subscription_id = qlm_spi_datum(i, 5, &isnull);

	row->subscription_id = isnull ? 0 : DatumGetInt64(subscription_id);
	row->message_id = DatumGetInt64(qlm_spi_datum(i, 1, &isnull));
	row->peer_id = peer_id;
	row->is_response = strcmp(kind, "response") == 0;
	row->envelope = qlm_spi_text(i, 3);
	row->priority = DatumGetInt32(qlm_spi_datum(i, 4, &isnull));
	row->created_at = DatumGetTimestampTz(qlm_spi_datum(i, 6, &isnull));
	row->expires_at = DatumGetTimestampTz(qlm_spi_datum(i, 7, &isnull));
	row->attempts = DatumGetInt32(qlm_spi_datum(i, 8, &isnull));
	row->is_data = DatumGetBool(qlm_spi_datum(i, 9, &isnull));
	return row;
}

List *
qlm_nest_claim(const QlmNestClaim *claim)
{
	List	   *claimed = NIL;
	Datum		values[9];

	/* A copy claims nothing: the original sends these rows. */
	if (claim->max <= 0 || XactReadOnly || qlm_node_place_holds() || !lock_queue(claim->peer_id))
		return NIL;
	qlm_outbox_expire_peer(claim->peer_id, CLAIM_EXPIRES);
	values[0] = Int32GetDatum(claim->peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = Int64GetDatum(claim->max);
	values[3] = Int64GetDatum(claim->outstanding_max);
	values[4] = Float8GetDatum(qlm_retry_delay);
	values[5] = Float8GetDatum(Max(qlm_retry_delay, qlm_retry_max_delay));
	values[6] = BoolGetDatum(claim->answers);
	values[7] = BoolGetDatum(claim->acknowledged);
	values[8] = BoolGetDatum(claim->requests_only);
	if (claim->outstanding_max == 1 || qlm_plan_execute_as_owner(&claim_new_plan, values, NULL) == 0)
		qlm_plan_execute_as_owner(&claim_plan, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		QlmOutboxRow *row = claimed_row(claim->peer_id, i);

		if (row->is_response)
			qlm_wake_pending |= QLM_WAKE_ANSWER;
		claimed = lappend(claimed, row);
	}
	SPI_freetuptable(SPI_tuptable);
	if (claimed != NIL && qlm_node_place_holds_now())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of another node have come: %s", qlm_node_place_why())));
	return claimed;
}

void
qlm_nest_reconnected(int peer_id)
{
	Datum		values[2];

	if (XactReadOnly)
		return;
	values[0] = Int32GetDatum(peer_id);
	values[1] = Float8GetDatum(qlm_retry_delay);
	qlm_plan_execute_as_owner(&reconnected_plan, values, NULL);
}

void
qlm_nest_undo(int64 message_id)
{
	Datum		values[1] = {Int64GetDatum(message_id)};

	qlm_plan_execute_as_owner(&unclaim_plan, values, NULL);
}

/*
 * Only requests are returned: other rows were done with when they were pushed,
 * since nobody acknowledges them.
 */
static QlmPlan return_plan = {
	"WITH held AS (SELECT message_id FROM qlm.outbox WHERE message_id = ANY ($1)"
	" AND expires_at > $2 AND sent_at <= $3 AND"
	" (CASE kind WHEN 'request' THEN state = 'sent' AND NOT posting"
	" ELSE state = 'answered' END) IS TRUE FOR UPDATE SKIP LOCKED)"
	" UPDATE qlm.outbox SET next_attempt_at = CASE kind WHEN 'request' THEN $2 END,"
	" state = CASE kind WHEN 'request' THEN state ELSE 'queued' END,"
	" answered_at = CASE kind WHEN 'request' THEN answered_at END,"
	" deliveries = GREATEST(deliveries - 1, 0),"
	" last_error = 'the connection that it was pushed on shows no life'"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM held)) RETURNING peer_id",
	3, {INT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

void
qlm_nest_return(const int64 *message_ids, int n, TimestampTz pushed_at)
{
	Datum		values[3];

	if (n == 0 || XactReadOnly)
		return;
	values[0] = qlm_array_int8(message_ids, n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = TimestampTzGetDatum(pushed_at);
	qlm_plan_execute_as_owner(&return_plan, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			peer_id = DatumGetInt32(qlm_spi_datum(i, 1, &isnull));

		qlm_wake_pending |= QLM_WAKE_OUTBOX;
		if (peer_id > 0)
			qlm_wake_key_note(qlm_wake_key_of_peer(peer_id));
	}
	SPI_freetuptable(SPI_tuptable);
}
