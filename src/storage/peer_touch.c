/*
 * peer_touch.c
 *		Peers: what the node notes of how they are doing, and what they can.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/catalog.h"
#include "storage/peer.h"

/* last_seen and last_success are this exact */
#define TOUCH_INTERVAL_MS 10000

int			qlm_session_timeout = 5 * 60 * 1000;

/*
 * Never waits for another transaction: whoever is just updating the row says
 * the same.
 */
#define TOUCH(column) \
	"WITH mine AS (SELECT peer_id, " column " AS before" \
	" FROM qlm.peer WHERE peer_id = $1" \
	" AND (" column " IS NULL OR " column " <= $3)" \
	" FOR NO KEY UPDATE SKIP LOCKED)" \
	" UPDATE qlm.peer p SET " column " = $2" \
	" FROM mine WHERE p.peer_id = mine.peer_id" \
	" RETURNING COALESCE(mine.before, '-infinity')"

static QlmPlan seen_plan = {
	TOUCH("last_seen"), 3, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

static QlmPlan success_plan = {
	TOUCH("last_success"), 3, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

static QlmPlan echoes_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1 AND NOT echoes_ids"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET echoes_ids = true"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	1, {INT4OID}
};

static QlmPlan acknowledges_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1 AND NOT acknowledges"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET acknowledges = true"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	1, {INT4OID}
};

/*
 * Note a time in a row and in this process, if the last one is old.  Nothing
 * is noted where the row could not be changed without an error.  Returns the
 * time before, or DT_NOEND where nothing was noted.
 */
static TimestampTz
touch(QlmPlan *plan, int peer_id, TimestampTz *known, int interval_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz before = DT_NOEND;
	Datum		values[3];
	QlmRights	saved;
	bool		isnull;

	if (!TimestampDifferenceExceeds(*known, now, interval_ms) ||
		XactReadOnly || IsolationUsesXactSnapshot())
		return DT_NOEND;
	*known = now;
	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -interval_ms));
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	if (SPI_processed > 0)
		before = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return before;
}

/*
 * The row tells a session once, whichever process asks.  If this transaction
 * is undone, it must be asked again.
 */
bool
qlm_peer_seen(QlmPeer *peer)
{
	TimestampTz known = peer->last_seen;
	int			interval_ms = TOUCH_INTERVAL_MS;
	TimestampTz before;

	if (peer->npaths > 0)
		interval_ms = Min(interval_ms, qlm_session_timeout / 2);
	before = touch(&seen_plan, peer->peer_id, &peer->last_seen, interval_ms);
	if (before == DT_NOEND || peer->npaths == 0)
		return false;
	if (before != DT_NOBEGIN &&
		!TimestampDifferenceExceeds(before, GetCurrentTimestamp(), qlm_session_timeout))
		return false;
	peer->last_seen = known;
	return true;
}

void
qlm_peer_succeeded(int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);

	if (peer)
		(void) touch(&success_plan, peer_id, &peer->last_success, TOUCH_INTERVAL_MS);
}

void
qlm_peer_echoes_ids(QlmPeer *peer)
{
	Datum		values[1] = {Int32GetDatum(peer->peer_id)};
	QlmRights	saved;

	if (peer->echoes_ids || XactReadOnly || IsolationUsesXactSnapshot())
		return;
	peer->echoes_ids = true;
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&echoes_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}

/* Who is not noted, since somebody holds the row, will be the next time. */
void
qlm_peer_acknowledges(int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);
	Datum		values[1];
	QlmRights	saved;

	if (peer == NULL || peer->acknowledges || XactReadOnly || IsolationUsesXactSnapshot())
		return;
	values[0] = Int32GetDatum(peer_id);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&acknowledges_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}
