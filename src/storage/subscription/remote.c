/*
 * remote.c
 *		Remote subscriptions: those that this node has made at other nodes, for
 *		somebody here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox_sql.h"
#include "storage/subscription/remote.h"

/* Rows that one buffer holds, whatever qlm.poll_buffer_max is */
#define MAX_BUFFERED	1000

static QlmPlan add_plan = {
	"INSERT INTO qlm.forwarding (request_id, peer, token, poll_seconds, peer_id)"
	" VALUES ($1, $2, $3, $4, $5)",
	5, {INT8OID, TEXTOID, TEXTOID, FLOAT8OID, INT4OID}
};

#define GET \
	"SELECT request_id, peer_id, remote_id, token, poll_seconds, ended" \
	" FROM qlm.forwarding WHERE "

static QlmPlan get_plan = {
	GET "request_id = $1 FOR UPDATE", 1, {INT8OID}
};

static QlmPlan token_plan = {
	GET "token = $1 AND NOT ended", 1, {TEXTOID}
};

static QlmPlan remote_plan = {
	GET "peer_id = $1 AND remote_id = $2 AND NOT ended LIMIT 1",
	2, {INT4OID, TEXTOID}
};

static QlmPlan others_plan = {
	"SELECT request_id FROM qlm.forwarding WHERE peer_id = $1 AND remote_id = $2"
	" AND request_id <> $3",
	3, {INT4OID, TEXTOID, INT8OID}
};

static QlmPlan began_plan = {
	"UPDATE qlm.forwarding SET remote_id = $2, next_poll = $3 WHERE request_id = $1",
	3, {INT8OID, TEXTOID, TIMESTAMPTZOID}
};

static QlmPlan next_poll_plan = {
	"UPDATE qlm.forwarding SET next_poll = $2 WHERE request_id = $1",
	2, {INT8OID, TIMESTAMPTZOID}
};

static QlmPlan end_later_plan = {
	"UPDATE qlm.forwarding SET ended = true, next_poll = NULL WHERE request_id = $1",
	1, {INT8OID}
};

static QlmPlan remove_plan = {
	"DELETE FROM qlm.forwarding WHERE request_id = $1",
	1, {INT8OID}
};

static QlmPlan recall_plan = {
	"UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL,"
	" posting = false, awaited_by = NULL, last_error = 'the subscription has ended'"
	" WHERE awaited_by = $1 AND " QLM_IS_LIVE("") ""
	" AND ($2 OR (state = 'queued' AND attempts = 0))",
	2, {INT8OID, BOOLOID}
};

static QlmPlan told_plan = {
	"SELECT f.request_id FROM " QLM_REMOTE_TOLD " LIMIT $2",
	2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan due_plan = {
	"SELECT f.request_id FROM " QLM_REMOTE_DUE
	" ORDER BY f.next_poll LIMIT $2",
	2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan buffer_plan = {
	"INSERT INTO qlm.forwarded_result (request_id, answer, final) VALUES ($1, $2, $3)",
	3, {INT8OID, TEXTOID, BOOLOID}
};

static QlmPlan trim_plan = {
	"WITH gone AS (DELETE FROM qlm.forwarded_result WHERE request_id = $1"
	" AND seq <= (SELECT q.seq FROM (SELECT seq, pg_catalog.row_number() OVER w AS n,"
	" pg_catalog.sum(pg_catalog.octet_length(answer)) OVER w AS size"
	" FROM qlm.forwarded_result WHERE request_id = $1"
	" WINDOW w AS (ORDER BY seq DESC)) AS q WHERE q.n > 1 AND (q.n > $2 OR q.size > $3)"
	" ORDER BY q.seq DESC LIMIT 1) RETURNING 1)"
	" UPDATE qlm.subscription SET dropped = dropped + (SELECT pg_catalog.count(*) FROM gone)"
	" WHERE request_id = $1 AND EXISTS (SELECT FROM gone)",
	3, {INT8OID, INT8OID, INT8OID}
};

static QlmPlan take_plan = {
	"WITH taken AS (DELETE FROM qlm.forwarded_result WHERE request_id = $1"
	" RETURNING seq, answer, final) SELECT answer, final FROM taken ORDER BY seq",
	1, {INT8OID}
};

/* Runs a statement as the owner.  Returns the number of rows. */
static uint64
run(QlmPlan *plan, Datum *values, const char *nulls)
{

	qlm_plan_execute_as_owner(plan, values, nulls);
	return SPI_processed;
}

void
qlm_remote_add(const QlmRemote *remote)
{
	Datum		values[5];
	char		nulls[] = "     ";

	values[0] = Int64GetDatum(remote->request_id);
	values[1] = CStringGetTextDatum(remote->peer);
	values[2] = remote->token ? CStringGetTextDatum(remote->token) : (Datum) 0;
	nulls[2] = remote->token ? ' ' : 'n';
	values[3] = Float8GetDatum(remote->poll_seconds);
	values[4] = Int32GetDatum(remote->peer_id);
	run(&add_plan, values, nulls);
}

static QlmRemote *
get(QlmPlan *plan, Datum *values)
{
	QlmRemote *remote = NULL;
	bool		isnull;

	if (run(plan, values, NULL) > 0)
	{
		remote = palloc0(sizeof(QlmRemote));
		remote->request_id = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
		remote->peer_id = DatumGetInt32(qlm_spi_datum(0, 2, &isnull));
		remote->remote_id = qlm_spi_text(0, 3);
		remote->token = qlm_spi_text(0, 4);
		remote->poll_seconds = DatumGetFloat8(qlm_spi_datum(0, 5, &isnull));
		remote->ended = DatumGetBool(qlm_spi_datum(0, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return remote;
}

QlmRemote *
qlm_remote_get(int64 request_id)
{
	Datum		values[1] = {Int64GetDatum(request_id)};

	return get(&get_plan, values);
}

QlmRemote *
qlm_remote_by_token(const char *token)
{
	Datum		values[1] = {CStringGetTextDatum(token)};

	return get(&token_plan, values);
}

QlmRemote *
qlm_remote_by_remote_id(int peer_id, const char *remote_id)
{
	Datum		values[2];

	if (*remote_id == '\0' || strlen(remote_id) > QLM_MAX_REMOTE_ID)
		return NULL;
	values[0] = Int32GetDatum(peer_id);
	values[1] = CStringGetTextDatum(remote_id);
	return get(&remote_plan, values);
}

static TimestampTz
next_poll(const QlmRemote *remote)
{
	double		next = (double) GetCurrentTimestamp() +
		remote->poll_seconds * USECS_PER_SEC;

	return next < (double) END_TIMESTAMP ? (TimestampTz) next : DT_NOEND;
}

void
qlm_remote_began(const QlmRemote *remote, bool poll)
{
	Datum		values[3];
	char		nulls[] = "   ";

	values[0] = Int64GetDatum(remote->request_id);
	values[1] = CStringGetTextDatum(remote->remote_id);
	values[2] = TimestampTzGetDatum(poll ? next_poll(remote) : 0);
	nulls[2] = poll ? ' ' : 'n';
	run(&began_plan, values, nulls);
}

void
qlm_remote_poll_after(const QlmRemote *remote)
{
	Datum		values[2];

	values[0] = Int64GetDatum(remote->request_id);
	values[1] = TimestampTzGetDatum(next_poll(remote));
	run(&next_poll_plan, values, NULL);
}

void
qlm_remote_polling(int64 request_id)
{
	Datum		values[2] = {Int64GetDatum(request_id)};

	run(&next_poll_plan, values, " n");
}

void
qlm_remote_end_later(int64 request_id)
{
	Datum		values[1] = {Int64GetDatum(request_id)};

	run(&end_later_plan, values, NULL);
}

void
qlm_remote_remove(int64 request_id)
{
	Datum		values[1] = {Int64GetDatum(request_id)};

	run(&remove_plan, values, NULL);
}

int
qlm_remote_recall(int64 request_id, bool all)
{
	Datum		values[2];

	values[0] = Int64GetDatum(request_id);
	values[1] = BoolGetDatum(all);
	return (int) run(&recall_plan, values, NULL);
}

static List *
numbers_found(QlmPlan *plan, Datum *values)
{
	List	   *ids = NIL;

	run(plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		int64	   *id = palloc(sizeof(int64));
		bool		isnull;

		*id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
		ids = lappend(ids, id);
	}
	SPI_freetuptable(SPI_tuptable);
	return ids;
}

static List *
numbers(QlmPlan *plan, int max)
{
	Datum		values[2];

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	return numbers_found(plan, values);
}

List *
qlm_remote_others(const QlmRemote *remote)
{
	Datum		values[3];

	values[0] = Int32GetDatum(remote->peer_id);
	values[1] = CStringGetTextDatum(remote->remote_id);
	values[2] = Int64GetDatum(remote->request_id);
	return numbers_found(&others_plan, values);
}

List *
qlm_remote_told(int max)
{
	return numbers(&told_plan, max);
}

List *
qlm_remote_due(int max)
{
	return numbers(&due_plan, max);
}

void
qlm_remote_buffer(int64 request_id, const char *answer, bool final)
{
	Datum		values[3];

	values[0] = Int64GetDatum(request_id);
	values[1] = CStringGetTextDatum(answer);
	values[2] = BoolGetDatum(final);
	run(&buffer_plan, values, NULL);
	values[1] = Int64GetDatum(Min(qlm_poll_buffer_max, MAX_BUFFERED));
	values[2] = Int64GetDatum(qlm_max_message_size);
	run(&trim_plan, values, NULL);
	qlm_wake_pending |= QLM_WAKE_BUFFER;
	qlm_wake_key_note(qlm_wake_key_of_subscription(request_id));
}

List *
qlm_remote_take(int64 request_id, bool *final)
{
	List	   *answers = NIL;
	Datum		values[1] = {Int64GetDatum(request_id)};

	*final = false;
	run(&take_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		answers = lappend(answers, qlm_spi_text(row, 1));
		*final |= DatumGetBool(qlm_spi_datum(row, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return answers;
}
