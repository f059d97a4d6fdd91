/*
 * outbox_outcome.c
 *		What became of rows, for those who wait for it.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/outbox/outbox_sql.h"
#include "storage/role/role.h"

#define OUTCOME \
	"SELECT state, answer, CASE WHEN state IN ('queued', 'sent') AND expires_at <= $2" \
	" THEN " QLM_SAY_EXPIRED("o") " ELSE last_error END, xmin," \
	" state IN ('queued', 'sent') AND expires_at <= $2, sent_as," \
	" asker_role::pg_catalog.text, asker_peer_id, node, message_id," \
	" asker_role_id FROM qlm.outbox o"

static QlmPlan outcome_plan = {
	OUTCOME " WHERE message_id = $1",
	2, {INT8OID, TIMESTAMPTZOID}, .as_active = true
};

static QlmPlan awaited_plan = {
	OUTCOME " WHERE awaited_by = $1 ORDER BY seq",
	2, {INT8OID, TIMESTAMPTZOID}
};

static QlmPlan told_plan = {
	"UPDATE qlm.outbox SET awaited_by = NULL WHERE awaited_by = $1"
	" AND ($2 = 0 OR message_id = $2)",
	2, {INT8OID, INT8OID}
};

static QlmPlan fetch_plan = {
	"SELECT peer_id, url, envelope, priority, created_at, expires_at, in_order"
	" FROM qlm.outbox WHERE message_id = $1 AND kind = 'request'"
	" AND peer_id > 0 AND asker_role IS NULL AND (state = 'queued') IS TRUE",
	1, {INT8OID}
};

static QlmPlan sent_as_plan = {
	"UPDATE qlm.outbox SET state = 'cancelled', sent_as = $2,"
	" last_error = 'sent as message ' || $2 WHERE message_id = $1",
	2, {INT8OID, INT8OID}
};

static QlmPlan pending_plan = {
	"SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n)"
	" JOIN qlm.outbox AS o ON o.message_id = p.id"
	" WHERE " QLM_IS_LIVE("o.") " AND (o.expires_at > $2) IS TRUE",
	2, {INT8ARRAYOID, TIMESTAMPTZOID}
};

static QlmPlan overdue_plan = {
	"SELECT FROM qlm.outbox WHERE message_id = $1 AND CASE state WHEN 'sent'"
	" THEN next_attempt_at <= $2 ELSE state <> 'answered' END",
	2, {INT8OID, TIMESTAMPTZOID}
};

/*
 * Was the row written in the current subtransaction or in one inside of it?
 * XIDs of subtransactions ascend.
 */
static bool
is_of_this_block(TransactionId xmin)
{
	TransactionId mine = GetCurrentTransactionIdIfAny();

	return TransactionIdIsValid(mine) && !TransactionIdPrecedes(xmin, mine);
}

static void
read_outcome(QlmOutcome *outcome, uint64 i)
{
	bool		isnull;
	char	   *role = qlm_spi_text(i, 7);
	bool		over = DatumGetBool(qlm_spi_datum(i, 5, &isnull));
	TransactionId xmin = DatumGetTransactionId(qlm_spi_datum(i, 4, &isnull));

	outcome->found = true;
	outcome->own = TransactionIdIsCurrentTransactionId(xmin);
	outcome->own_block = outcome->own && is_of_this_block(xmin);
	outcome->sent_as = DatumGetInt64(qlm_spi_datum(i, 6, &isnull));
	if (isnull)
		outcome->sent_as = 0;
	outcome->state = over ? "expired" : qlm_spi_text(i, 1);
	outcome->answer = qlm_spi_text(i, 2);
	outcome->error = qlm_spi_text(i, 3);
	outcome->final = strcmp(outcome->state, "queued") != 0 &&
		strcmp(outcome->state, "sent") != 0;
	outcome->asker_role = qlm_role_of(DatumGetInt64(qlm_spi_datum(i, 11, &isnull)), role);
	outcome->asker_peer_id = DatumGetInt32(qlm_spi_datum(i, 8, &isnull));
	outcome->node = qlm_spi_text(i, 9);
}

bool
qlm_outbox_outcome(int64 message_id, QlmOutcome *outcome)
{
	Datum		values[2];

	memset(outcome, 0, sizeof(QlmOutcome));
	values[0] = Int64GetDatum(message_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	PushActiveSnapshot(GetLatestSnapshot());
	qlm_plan_execute_as_owner(&outcome_plan, values, NULL);
	PopActiveSnapshot();
	if (SPI_processed > 0)
		read_outcome(outcome, 0);
	SPI_freetuptable(SPI_tuptable);
	return outcome->found;
}

List *
qlm_outbox_awaited(int64 awaited_by)
{
	List	   *rows = NIL;
	Datum		values[2];

	values[0] = Int64GetDatum(awaited_by);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_as_owner(&awaited_plan, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		QlmAwaitedRow *row = palloc0(sizeof(QlmAwaitedRow));
		bool		isnull;

		row->message_id = DatumGetInt64(qlm_spi_datum(i, 10, &isnull));
		read_outcome(&row->outcome, i);
		rows = lappend(rows, row);
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

/*
 * Runs a statement with the numbers of two rows, or of a row and of what waits
 * for it.
 */
static void
execute_pair(QlmPlan *plan, int64 first, int64 second)
{
	Datum		values[2];

	values[0] = Int64GetDatum(first);
	values[1] = Int64GetDatum(second);
	qlm_plan_execute_as_owner(plan, values, NULL);
}

void
qlm_outbox_told(int64 awaited_by, int64 message_id)
{
	execute_pair(&told_plan, awaited_by, message_id);
}

bool
qlm_outbox_fetch(int64 message_id, QlmOutboxRow *row)
{
	Datum		values[1] = {Int64GetDatum(message_id)};
	bool		found;
	bool		isnull;

	memset(row, 0, sizeof(QlmOutboxRow));
	qlm_plan_execute_as_owner(&fetch_plan, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		row->message_id = message_id;
		row->peer_id = DatumGetInt32(qlm_spi_datum(0, 1, &isnull));
		row->url = qlm_spi_text(0, 2);
		row->envelope = qlm_spi_text(0, 3);
		row->priority = DatumGetInt32(qlm_spi_datum(0, 4, &isnull));
		row->created_at = DatumGetTimestampTz(qlm_spi_datum(0, 5, &isnull));
		row->expires_at = DatumGetTimestampTz(qlm_spi_datum(0, 6, &isnull));
		row->order = DatumGetBool(qlm_spi_datum(0, 7, &isnull)) ? QLM_IN_ORDER : QLM_ANY_ORDER;
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

void
qlm_outbox_sent_as(int64 message_id, int64 other_id)
{
	execute_pair(&sent_as_plan, message_id, other_id);
}

void
qlm_outbox_pending(const int64 *message_ids, int n, bool *pending)
{
	Datum		values[2];

	memset(pending, 0, n * sizeof(bool));
	if (n == 0)
		return;
	values[0] = qlm_array_int8(unconstify(int64 *, message_ids), n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_as_owner(&pending_plan, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		pending[DatumGetInt64(qlm_spi_datum(i, 1, &isnull)) - 1] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

bool
qlm_outbox_is_overdue(int64 message_id)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	return qlm_plan_execute_as_owner(&overdue_plan, values, NULL) > 0;
}
