/*
 * heartbeat_peer.c
 *		Peers that are called even if nothing is due for them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/heartbeat_peer.h"
#include "storage/peer/peer_note.h"

/*
 * After a heartbeat that got through a post is worth another try.  A row that
 * the peer cannot process must not be repeated with every heartbeat, though.
 */
static QlmPlan open_plan = {
	"UPDATE qlm.endpoint SET paused_until = NULL"
	" WHERE url = (SELECT url FROM qlm.peer WHERE peer_id = $1) AND peer_id = $1"
	" AND paused_until > $2 AND (last_failure < $3) IS NOT FALSE",
	3, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

static QlmPlan heartbeats_plan = {
	"SELECT peer_id, url, dialect, secret,"
	" EXTRACT(epoch FROM heartbeat)::pg_catalog.float8, form, proxy, redirects,"
	" EXTRACT(epoch FROM hold)::pg_catalog.float8,"
	" EXTRACT(epoch FROM hold_cut_after)::pg_catalog.float8 FROM qlm.peer"
	" WHERE url IS NOT NULL AND role IS NOT NULL AND heartbeat > interval '0'"
	" ORDER BY name COLLATE \"C\"",
	0, {0}
};

List *
qlm_heartbeat_peers(void)
{
	List	   *heartbeats = NIL;

	qlm_plan_execute_as_owner(&heartbeats_plan, NULL, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmHeartbeat *heartbeat = palloc0(sizeof(QlmHeartbeat));
		bool		isnull;

		heartbeat->peer_id = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));
		heartbeat->url = qlm_spi_text(row, 2);
		heartbeat->dialect = qlm_spi_text(row, 3);
		heartbeat->authorization = qlm_endpoint_authorization(qlm_spi_text(row, 4));
		heartbeat->seconds = DatumGetFloat8(qlm_spi_datum(row, 5, &isnull));
		heartbeat->form = DatumGetBool(qlm_spi_datum(row, 6, &isnull));
		heartbeat->proxy = qlm_spi_text(row, 7);
		heartbeat->proxy_for_all = heartbeat->proxy != NULL;
		heartbeat->redirects = DatumGetBool(qlm_spi_datum(row, 8, &isnull));
		heartbeat->hold = DatumGetFloat8(qlm_spi_datum(row, 9, &isnull));
		heartbeat->hold_cut_ms = DatumGetFloat8(qlm_spi_datum(row, 10, &isnull)) * 1000;
		heartbeats = lappend(heartbeats, heartbeat);
	}
	SPI_freetuptable(SPI_tuptable);
	return heartbeats;
}

static void
open_endpoint(int peer_id)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		values[3];

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -(int64) qlm_retry_delay));
	qlm_plan_execute_indexed(&open_plan, values, NULL, 0);
	if (SPI_processed > 0)
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

void
qlm_heartbeat_peer_done(int peer_id, const char *error)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	if (error)
		qlm_endpoint_peer_failed(peer_id, error);
	else
	{
		qlm_peer_succeeded(peer_id);
		open_endpoint(peer_id);
	}
	qlm_rights_restore(&saved);
}
