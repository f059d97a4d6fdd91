/*
 * executed.c
 *		Requests that were executed, with their answers: one that comes again
 *		is answered, but not executed again.
 *
 * The number alone does not identify a request: a node that counts from 1
 * after a restart gives it to another one.  So a hash of what is asked for is
 * compared, too.  Rows without this hash, which version 0.1.0 wrote, match any
 * request.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/outbox/executed.h"
#include "storage/peer/peer.h"

/* Ids are chosen by the peer.  Long ones would not fit into an index entry. */
#define KEY \
	"CASE WHEN pg_catalog.octet_length($2) <= 200 THEN $2 ELSE" \
	" pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to($2, 'UTF8')), 'hex') END"

static QlmPlan remembered_plan = {
	"SELECT answer FROM qlm.executed WHERE peer_id = $1 AND peer_id > 0 AND request_id = " KEY
	" AND content IN ($4, '') AND executed_at > $3 ORDER BY content DESC",
	4, {INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID}
};

static QlmPlan remember_plan = {
	"INSERT INTO qlm.executed (peer_id, request_id, answer, executed_at, peer, content)"
	" VALUES ($1, " KEY ", $3, $4, $5, $6)"
	" ON CONFLICT (peer_id, request_id, content) WHERE peer_id > 0"
	" DO UPDATE SET answer = excluded.answer, executed_at = excluded.executed_at",
	6, {INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}
};

char *
qlm_executed_answer(const QlmPeer *peer, const char *id, const char *content)
{
	Datum		values[4];
	char	   *answer = NULL;

	values[0] = Int32GetDatum(peer->peer_id);
	values[1] = CStringGetTextDatum(id);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp() - QLM_REMEMBERED_FOR);
	values[3] = CStringGetTextDatum(content);
	qlm_plan_execute_as_owner(&remembered_plan, values, NULL);
	if (SPI_processed > 0)
		answer = qlm_spi_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
	return answer;
}

void
qlm_executed_remember(const QlmPeer *peer, const char *id, const char *content,
					  const char *answer)
{
	Datum		values[6];

	values[0] = Int32GetDatum(peer->peer_id);
	values[1] = CStringGetTextDatum(id);
	values[2] = CStringGetTextDatum(answer ? answer : "");
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = CStringGetTextDatum(peer->name);
	values[5] = CStringGetTextDatum(content);
	qlm_plan_execute_as_owner(&remember_plan, values, NULL);
}
