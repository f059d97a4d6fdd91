/*
 * peer_gone.c
 *		Deletes rows of peers that were dropped.
 *
 * Rows have the number of their peer, and no number is given twice.  So a row
 * inserted while its peer is dropped can never become that of another peer;
 * the housekeeping deletes it.  There are no foreign keys, since dumps restore
 * tables in any order.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"

#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/peer/peer_gone.h"

/*
 * All numbers in a column, each found by an index probe that starts from the
 * one before
 */
#define NUMBERS(name, column, source) \
	name " (id) AS ((SELECT " column " FROM " source " ORDER BY " column " LIMIT 1)" \
	" UNION ALL SELECT (SELECT " column " FROM " source " AND " column " > " name ".id" \
	" ORDER BY " column " LIMIT 1) FROM " name " WHERE " name ".id IS NOT NULL)"
#define WAITING "qlm.outbox WHERE state IN ('queued', 'sent') AND "

/*
 * While a dump of an earlier release is restored, rows may come before their
 * peers.
 */
static QlmPlan gone_plan = {
	"WITH RECURSIVE "
	NUMBERS("a", "peer_id", WAITING "url IS NULL") ", "
	NUMBERS("b", "peer_id", WAITING "url IS NOT NULL AND peer_id <> 0") ", "
	NUMBERS("c", "asker_peer_id", WAITING "asker_role IS NOT NULL") ", "
	NUMBERS("d", "peer_id", "qlm.subscription WHERE true") ", "
	NUMBERS("e", "peer_id", "qlm.gathering WHERE true") ", "
	NUMBERS("f", "peer_id", "qlm.forwarding WHERE true") ", "
	NUMBERS("g", "peer_id", "qlm.executed WHERE peer_id > 0") ", "
	NUMBERS("h", "peer_id", "qlm.endpoint WHERE true")
	" SELECT id FROM (SELECT id FROM a UNION SELECT id FROM b UNION SELECT id FROM c"
	" UNION SELECT id FROM d UNION SELECT id FROM e UNION SELECT id FROM f"
	" UNION SELECT id FROM g UNION SELECT id FROM h) AS found WHERE id <> 0"
	" AND NOT EXISTS (SELECT FROM qlm.peer p WHERE p.peer_id = id)"
	" AND (id > 0 OR EXISTS (SELECT FROM qlm.peer))",
	0, {0}
};

/* Subscriptions are locked first. */
static QlmPlan lock_plan = {
	"SELECT FROM qlm.subscription WHERE request_id = ANY (ARRAY("
	"SELECT request_id FROM qlm.forwarding WHERE peer_id = ANY ($1)"
	" UNION ALL SELECT request_id FROM qlm.subscription WHERE peer_id = ANY ($1)))"
	" ORDER BY request_id FOR UPDATE",
	1, {INT4ARRAYOID}
};

/*
 * Remote subscriptions at this peer: it cannot be told any more that they have
 * ended.
 */
static QlmPlan forwardings_plan = {
	"WITH gone AS (DELETE FROM qlm.forwarding WHERE peer_id = ANY ($1)"
	" RETURNING request_id),"
	" told AS (UPDATE qlm.outbox o SET awaited_by = NULL FROM gone"
	" WHERE o.awaited_by = gone.request_id)"
	" DELETE FROM qlm.subscription s USING gone WHERE s.request_id = gone.request_id",
	1, {INT4ARRAYOID}
};

static QlmPlan queue_plan = {
	"UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL,"
	" posting = false, last_error = CASE WHEN peer_id > 0"
	" THEN 'the peer was dropped' ELSE 'there is no such peer' END"
	" WHERE peer_id = ANY ($1) AND peer_id <> 0 AND state IN ('queued', 'sent')",
	1, {INT4ARRAYOID}
};

static QlmPlan subscriptions_plan = {
	"DELETE FROM qlm.subscription WHERE peer_id = ANY ($1)",
	1, {INT4ARRAYOID}
};

static QlmPlan gatherings_plan = {
	"WITH gone AS (DELETE FROM qlm.gathering WHERE peer_id = ANY ($1)"
	" RETURNING request_id)"
	" UPDATE qlm.outbox o SET awaited_by = NULL FROM gone"
	" WHERE o.awaited_by = gone.request_id",
	1, {INT4ARRAYOID}
};

/*
 * Requests that the peer has had forwarded.  If the request for a remote
 * subscription has left already, that is cancelled when the answer brings its
 * requestID.
 */
static QlmPlan asked_plan = {
	"UPDATE qlm.outbox SET state = 'cancelled', next_attempt_at = NULL,"
	" posting = false, last_error = 'the peer that asked for it was dropped'"
	" WHERE asker_peer_id = ANY ($1) AND asker_role IS NOT NULL"
	" AND state IN ('queued', 'sent') AND awaited_by IS NULL",
	1, {INT4ARRAYOID}
};

static QlmPlan executed_plan = {
	"DELETE FROM qlm.executed WHERE peer_id = ANY ($1)",
	1, {INT4ARRAYOID}
};

static QlmPlan endpoints_plan = {
	"DELETE FROM qlm.endpoint WHERE peer_id = ANY ($1)",
	1, {INT4ARRAYOID}
};

static QlmPlan *const steps[] = {
	&lock_plan, &forwardings_plan, &queue_plan, &subscriptions_plan,
	&gatherings_plan, &asked_plan, &executed_plan, &endpoints_plan
};

static int
find_gone(int **ids)
{
	int			n;

	qlm_plan_execute_indexed(&gone_plan, NULL, NULL, 0);
	n = (int) SPI_processed;
	*ids = palloc(Max(n, 1) * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*ids)[i] = DatumGetInt32(qlm_spi_datum(i, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

int
qlm_peer_forget_gone(void)
{
	int		   *ids;
	int			n;
	Datum		values[1];
	QlmRights	saved;

	if (XactReadOnly)
		return 0;
	qlm_rights_become_owner(&saved);
	n = find_gone(&ids);
	values[0] = qlm_array_int4(ids, n);
	for (int i = 0; n > 0 && i < lengthof(steps); i++)
		qlm_plan_execute_indexed(steps[i], values, NULL, 0);
	qlm_rights_restore(&saved);
	if (n > 0)
	{
		qlm_wake_pending |= QLM_WAKE_OUTBOX | QLM_WAKE_ANSWER | QLM_WAKE_BUFFER;
		qlm_wake_key_note_all();
	}
	return n;
}

PG_FUNCTION_INFO_V1(qlm_trigger_peer_gone);

/*
 * qlm.peer_gone(): after DELETE or TRUNCATE on qlm.peer
 */
Datum
qlm_trigger_peer_gone(PG_FUNCTION_ARGS)
{
	(void) qlm_trigger_data(fcinfo, 0);
	if (!qlm_catalog_available())
		return PointerGetDatum(NULL);
	qlm_storage_begin();
	(void) qlm_peer_forget_gone();
	qlm_storage_end();

	/* Connections of these peers have to be identified again. */
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
	qlm_wake_key_note_all();
	return PointerGetDatum(NULL);
}
