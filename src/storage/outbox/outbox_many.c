/*
 * outbox_many.c
 *		The queue: data for many callbacks at once, as one write brings them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/core/wake_key.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox.h"
#include "storage/role/role.h"

/*
 * The limits make each a probe of an index: as a condition the planner would
 * rather read a whole table, for as long as it thinks that small.
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

static QlmPlan add_plan = {
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

/* Fresh numbers, as qlm_outbox_new_id gives them */
static Datum
new_ids(int n)
{
	int64	   *ids = palloc(n * sizeof(int64));
	Datum		values[1];

	do
	{
		qlm_outbox_random_ids(ids, n, false);
		values[0] = qlm_array_int8(ids, n);
		qlm_plan_execute_indexed(&taken_plan, values, NULL, 1);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	return values[0];
}

/*
 * Empty: nobody.  One that was dropped just now is found by its number, and must not
 * keep the others from theirs.
 */
static const char *
role_name(Oid role)
{
	const char *name = OidIsValid(role) ? GetUserNameFromId(role, true) : "";

	return name ? name : psprintf("unknown (OID=%u)", role);
}

static void
fill(Datum *values, const QlmOutboxRow *messages, int n)
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
		peers[i] = messages[i].peer ? messages[i].peer : "";
		urls[i] = messages[i].url;
		envelopes[i] = messages[i].envelope;
		subscriptions[i] = messages[i].subscription_id;
		created[i] = messages[i].created_at;
		expires[i] = messages[i].expires_at;
		dropped[i] = messages[i].dropped;
		roles[i] = i > 0 && messages[i].asker_role == messages[i - 1].asker_role ?
			roles[i - 1] : role_name(messages[i].asker_role);
		askers[i] = messages[i].asker_peer ? messages[i].asker_peer : "";
		peer_ids[i] = messages[i].peer_id;
		asker_ids[i] = messages[i].asker_peer_id;
		role_ids[i] = qlm_role_number(messages[i].asker_role);
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
qlm_outbox_note(const QlmOutboxRow *message)
{
	if (message->url && qlm_is_connection(message->url))
	{
		qlm_wake_pending |= QLM_WAKE_PUSH;
		qlm_wake_key_note(qlm_wake_key_of_connection(message->url));
	}
	else
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
	if (message->peer_id > 0)
		qlm_wake_key_note(qlm_wake_key_of_peer(message->peer_id));
}

void
qlm_outbox_add_data(const QlmOutboxRow *messages, int n)
{
	Datum		values[13];
	QlmRights	saved;

	if (n == 0)
		return;
	qlm_rights_become_owner(&saved);
	values[0] = new_ids(n);
	fill(values, messages, n);
	qlm_plan_execute_indexed(&add_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (int i = 0; i < n; i++)
		qlm_outbox_note(&messages[i]);
}
