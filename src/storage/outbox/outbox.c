/*
 * outbox.c
 *		The outbox: adds rows, expires them and queues them again.  Rows are
 *		nested in outbox_nest.c, leased in lease.c, and answered in
 *		outbox_answer.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/missed.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_sql.h"
#include "storage/peer/peer.h"
#include "storage/role/role.h"

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
	" awaited_by, peer_id, asker_peer_id, asker_role_id, in_order)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
	18, {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT8OID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, NAMEOID, TEXTOID, TEXTOID, INT8OID,
	INT4OID, INT4OID, INT8OID, BOOLOID}
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
	" seq = pg_catalog.nextval('qlm.outbox_seq'), attempts = 0, deliveries = 0,"
	" next_attempt_at = NULL, sent_at = NULL, answered_at = NULL,"
	" return_code = NULL, answer = NULL, last_error = NULL, posting = false,"
	" sent_as = NULL"
	" WHERE message_id = $1 AND (state IN ('failed', 'expired', 'cancelled')) IS TRUE",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* The peer was dropped.  A new peer of the same name does not get its rows. */
static QlmPlan gone_plan = {
	"SELECT peer FROM qlm.outbox o WHERE message_id = $1 AND peer_id <> 0"
	" AND NOT EXISTS (SELECT FROM qlm.peer p WHERE p.peer_id = o.peer_id)",
	1, {INT8OID}
};

static QlmPlan orphan_plan = {
	"SELECT FROM qlm.outbox o WHERE message_id = $1"
	" AND state IN ('failed', 'expired', 'cancelled') AND " QLM_OUTBOX_IS_ORPHAN("o"),
	1, {INT8OID}
};

#define EXPIRE(condition) \
	"WITH past AS (SELECT message_id FROM qlm.outbox" \
	" WHERE state IN ('queued', 'sent') AND expires_at <= $1" condition \
	" ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)" \
	" UPDATE qlm.outbox o SET state = 'expired', next_attempt_at = NULL," \
	" posting = false," \
	" last_error = " QLM_SAY_EXPIRED("o") \
	" FROM past WHERE o.message_id = past.message_id" \
	" RETURNING o.subscription_id, 1 + o.dropped"

static QlmPlan expire_plan = {
	EXPIRE(""), 2, {TIMESTAMPTZOID, INT8OID}
};

/*
 * The reason makes the other statements more expensive to start than all else
 * of a claim, so this one is run first.
 */
static QlmPlan expired_plan = {
	"SELECT FROM qlm.outbox WHERE state IN ('queued', 'sent')"
	" AND expires_at <= $1 AND peer_id = $2 LIMIT 1",
	2, {TIMESTAMPTZOID, INT4OID}
};

static QlmPlan expire_peer_plan = {
	EXPIRE(" AND peer_id = $3"), 3, {TIMESTAMPTZOID, INT8OID, INT4OID}
};

static void
random_ids(int64 *ids, int n, bool is_small)
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

		random_ids(&id, 1, is_small);
		values[0] = Int64GetDatum(id);
		if (qlm_plan_execute_as_owner(&id_free_plan, values, NULL) > 0)
			return id;
	}
}

void
qlm_outbox_check_url(const char *url)
{
	if (strlen(url) > QLM_MAX_URL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a URL of %zu bytes exceeds the limit of %d bytes",
						strlen(url), QLM_MAX_URL)));
}

static void
set_text(Datum *values, char *nulls, int i, const char *text)
{
	values[i] = text ? CStringGetTextDatum(text) : (Datum) 0;
	nulls[i] = text ? ' ' : 'n';
}

static void
set_asker(Datum *values, char *nulls, const QlmOutboxRow *row)
{
	Name		role = palloc0(sizeof(NameData));

	if (OidIsValid(row->asker_role))
		namestrcpy(role, qlm_role_name(row->asker_role));
	values[10] = NameGetDatum(role);
	nulls[10] = OidIsValid(row->asker_role) ? ' ' : 'n';
	set_text(values, nulls, 11, row->asker_peer);
	set_text(values, nulls, 12, row->node);
}

/*
 * Is the row between this node and its peer only?  Then its number may be
 * small.  A request of somebody else may be asked for by its number, which
 * must not be guessed.
 */
static bool
is_between_us(const QlmOutboxRow *row)
{
	return row->peer && row->url == NULL && !OidIsValid(row->asker_role);
}

/*
 * Only requests that wait for a peer are kept in order, by an option of their
 * own or of the peer.
 */
static bool
keeps_its_place(const QlmOutboxRow *row)
{
	const QlmPeer *peer;

	if (row->is_response || row->url || row->peer_id <= 0)
		return false;
	if (row->order != QLM_ORDER_OF_PEER)
		return row->order == QLM_IN_ORDER;
	peer = qlm_peer_by_id(row->peer_id);
	return peer && peer->in_order;
}

int64
qlm_outbox_add(const QlmOutboxRow *row)
{
	int64		message_id = row->message_id;
	Datum		values[18];
	char		nulls[18];

	if (row->url)
		qlm_outbox_check_url(row->url);
	if (message_id == 0)
		message_id = qlm_outbox_new_id(is_between_us(row));
	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(message_id);
	set_text(values, nulls, 1, row->peer);
	set_text(values, nulls, 2, row->url);
	values[3] = CStringGetTextDatum(row->is_response ? "response" : "request");
	values[4] = CStringGetTextDatum(row->envelope);
	values[5] = Int32GetDatum(row->priority);
	values[6] = Int64GetDatum(row->subscription_id);
	nulls[6] = row->subscription_id != 0 ? ' ' : 'n';
	values[7] = TimestampTzGetDatum(row->created_at != 0 ?
									row->created_at : GetCurrentTimestamp());
	values[8] = TimestampTzGetDatum(row->expires_at);
	values[9] = Int64GetDatum(row->dropped);
	set_asker(values, nulls, row);
	values[13] = Int64GetDatum(row->awaited_by);
	nulls[13] = row->awaited_by != 0 ? ' ' : 'n';
	values[14] = Int32GetDatum(row->peer_id);
	values[15] = Int32GetDatum(row->asker_peer_id);
	values[16] = Int64GetDatum(qlm_role_number(row->asker_role));
	values[17] = BoolGetDatum(keeps_its_place(row));
	qlm_plan_execute_as_owner(&add_plan, values, nulls);
	qlm_outbox_note(row);
	return message_id;
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

void
qlm_outbox_expire_peer(int peer_id, int max)
{
	Datum		values[2];

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int32GetDatum(peer_id);
	if (qlm_plan_execute_as_owner(&expired_plan, values, NULL) > 0)
		(void) expire(&expire_peer_plan, max, peer_id);
}

void
qlm_outbox_fail(int64 message_id, const char *reason)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = CStringGetTextDatum(reason);
	qlm_plan_execute_as_owner(&fail_plan, values, NULL);
	qlm_wake_pending |= QLM_WAKE_ANSWER;
	qlm_wake_key_note(qlm_wake_key_of_row(message_id));
}

static void
require_peer(int64 message_id)
{
	Datum		values[1] = {Int64GetDatum(message_id)};

	if (qlm_plan_execute_as_owner(&gone_plan, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the peer that message " INT64_FORMAT " was for is gone",
						message_id),
				 errdetail("It was called \"%s\". A peer that has the name now is another one.",
						   qlm_spi_text(0, 1)),
				 errhint("Queue a new request with qlm_request.")));
}

static void
require_subscription(int64 message_id)
{
	Datum		values[1] = {Int64GetDatum(message_id)};

	if (qlm_plan_execute_as_owner(&orphan_plan, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the subscription that message " INT64_FORMAT " has data of has ended",
						message_id),
				 errhint("Subscribe again; qlm.history has the values.")));
}

bool
qlm_outbox_requeue(int64 message_id)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	require_peer(message_id);
	require_subscription(message_id);
	if (qlm_plan_execute_as_owner(&requeue_plan, values, NULL) == 0)
		return false;
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
	qlm_wake_key_note_all();
	return true;
}

/*
 * LIMIT makes each an index probe.  With a plain condition the planner would
 * read a whole table while it believes that to be small.
 */
#define IN_USE(table, column) \
	"SELECT FROM ROWS FROM (pg_catalog.unnest($1)) AS m (id)," \
	" LATERAL (SELECT FROM " table " WHERE " column " = m.id LIMIT 1) AS o"

static QlmPlan taken_plan = {
	IN_USE("qlm.outbox", "message_id")
	" UNION ALL " IN_USE("qlm.subscription", "request_id")
	" UNION ALL " IN_USE("qlm.gathering", "request_id")
	" UNION ALL " IN_USE("qlm.forwarding", "request_id")
	" UNION ALL"
	" SELECT FROM ROWS FROM (pg_catalog.unnest($1)) AS m (id) GROUP BY id"
	" HAVING pg_catalog.count(*) > 1",
	1, {INT8ARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan add_data_plan = {
	"INSERT INTO qlm.outbox (message_id, peer, url, kind, envelope,"
	" subscription_id, created_at, expires_at, dropped, asker_role, asker_peer,"
	" peer_id, asker_peer_id, asker_role_id)"
	" SELECT m.id, NULLIF(m.peer, ''), m.url, 'response', m.envelope,"
	" m.subscription_id, m.created_at, m.expires_at, m.dropped,"
	" NULLIF(m.asker_role, '')::pg_catalog.name, NULLIF(m.asker_peer, ''),"
	" m.peer_id, m.asker_peer_id, m.asker_role_id"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
	" pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8),"
	" pg_catalog.unnest($9), pg_catalog.unnest($10), pg_catalog.unnest($11),"
	" pg_catalog.unnest($12), pg_catalog.unnest($13))"
	" WITH ORDINALITY AS m (id, peer, url, envelope, subscription_id, created_at,"
	" expires_at, dropped, asker_role, asker_peer, peer_id, asker_peer_id, asker_role_id, n)"
	" ORDER BY m.n",
	13, {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
		TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
		TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID}, QLM_PLAN_GENERIC
};

/* Returns new numbers, as qlm_outbox_new_id makes them. */
static Datum
new_ids(int n)
{
	int64	   *ids = palloc(n * sizeof(int64));
	Datum		values[1];

	do
	{
		random_ids(ids, n, false);
		values[0] = qlm_array_int8(ids, n);
		qlm_plan_execute_indexed(&taken_plan, values, NULL, 1);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	return values[0];
}

/*
 * Returns "" for no role.  A role that was dropped just now gets a name that
 * fits its number, so that the others can be inserted.
 */
static const char *
role_name(Oid role)
{
	const char *name = OidIsValid(role) ? GetUserNameFromId(role, true) : "";

	return name ? name : psprintf("unknown (OID=%u)", role);
}

static void
fill(Datum *values, const QlmOutboxRow *rows, int n)
{
	const char **peers = palloc(n * sizeof(char *));
	const char **urls = palloc(n * sizeof(char *));
	const char **envelopes = palloc(n * sizeof(char *));
	int64	   *subscriptions = palloc(n * sizeof(int64));
	TimestampTz *created = palloc(n * sizeof(TimestampTz));
	TimestampTz *expires = palloc(n * sizeof(TimestampTz));
	int64	   *dropped = palloc(n * sizeof(int64));
	const char **roles = palloc(n * sizeof(char *));
	const char **askers = palloc(n * sizeof(char *));
	int		   *peer_ids = palloc(n * sizeof(int));
	int		   *asker_ids = palloc(n * sizeof(int));
	int64	   *role_ids = palloc(n * sizeof(int64));

	for (int i = 0; i < n; i++)
	{
		peers[i] = rows[i].peer ? rows[i].peer : "";
		urls[i] = rows[i].url;
		envelopes[i] = rows[i].envelope;
		subscriptions[i] = rows[i].subscription_id;
		created[i] = rows[i].created_at;
		expires[i] = rows[i].expires_at;
		dropped[i] = rows[i].dropped;
		roles[i] = i > 0 && rows[i].asker_role == rows[i - 1].asker_role ?
			roles[i - 1] : role_name(rows[i].asker_role);
		askers[i] = rows[i].asker_peer ? rows[i].asker_peer : "";
		peer_ids[i] = rows[i].peer_id;
		asker_ids[i] = rows[i].asker_peer_id;
		role_ids[i] = qlm_role_number(rows[i].asker_role);
	}
	values[1] = qlm_array_text(peers, n);
	values[2] = qlm_array_text(urls, n);
	values[3] = qlm_array_text(envelopes, n);
	values[4] = qlm_array_int8(subscriptions, n);
	values[5] = qlm_array_timestamptz(created, n);
	values[6] = qlm_array_timestamptz(expires, n);
	values[7] = qlm_array_int8(dropped, n);
	values[8] = qlm_array_text(roles, n);
	values[9] = qlm_array_text(askers, n);
	values[10] = qlm_array_int4(peer_ids, n);
	values[11] = qlm_array_int4(asker_ids, n);
	values[12] = qlm_array_int8(role_ids, n);
}

void
qlm_outbox_note(const QlmOutboxRow *row)
{
	if (row->url && qlm_is_connection(row->url))
	{
		qlm_wake_pending |= QLM_WAKE_PUSH;
		qlm_wake_key_note(qlm_wake_key_of_connection(row->url));
	}
	else
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
	if (row->peer_id > 0)
		qlm_wake_key_note(qlm_wake_key_of_peer(row->peer_id));
}

void
qlm_outbox_add_data(const QlmOutboxRow *rows, int n)
{
	Datum		values[13];
	QlmRights	saved;

	if (n == 0)
		return;
	qlm_rights_become_owner(&saved);
	values[0] = new_ids(n);
	fill(values, rows, n);
	qlm_plan_execute_indexed(&add_data_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (int i = 0; i < n; i++)
		qlm_outbox_note(&rows[i]);
}
