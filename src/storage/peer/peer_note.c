/*
 * peer_note.c
 *		Notes how a peer fares in its row.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/peer/peer.h"
#include "storage/peer/peer_note.h"

/* last_seen and last_success have this precision. */
#define TOUCH_INTERVAL_MS 10000

int			qlm_session_timeout = 5 * 60 * 1000;

/*
 * Never waits for a locked row: the transaction that holds it notes the same.
 */
#define TOUCH(column, more) \
	"WITH mine AS (SELECT peer_id, " column " AS before" \
	" FROM qlm.peer WHERE peer_id = $1" \
	" AND (" column " IS NULL OR " column " <= $3)" \
	" FOR NO KEY UPDATE SKIP LOCKED)" \
	" UPDATE qlm.peer p SET " column " = $2" more \
	" FROM mine WHERE p.peer_id = mine.peer_id" \
	" RETURNING COALESCE(mine.before, '-infinity')"

static QlmPlan seen_plan = {
	TOUCH("last_seen", ", spoken = COALESCE($4, spoken)"),
	4, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}
};

static QlmPlan success_plan = {
	TOUCH("last_success", ""), 4, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}
};

static QlmPlan try_plan = {
	"UPDATE qlm.peer SET tried_at = pg_catalog.clock_timestamp(), tried_with = $2,"
	" takes_nested = NULL, spoken = $3 WHERE peer_id = $1 AND tried_at IS NULL",
	3, {INT4OID, INT8OID, TEXTOID}
};

static QlmPlan takes_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" AND takes_nested IS DISTINCT FROM $2 FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET takes_nested = $2"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	2, {INT4OID, BOOLOID}
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

/* A null keeps the old value. */
static QlmPlan hold_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET hold = $2 * interval '1 s',"
	" hold_cut_after = COALESCE($3 * interval '1 ms', hold_cut_after),"
	" hold_cut_at = COALESCE($4, hold_cut_at), hold_cut_by = COALESCE($5, hold_cut_by)"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	5, {INT4OID, FLOAT8OID, FLOAT8OID, TIMESTAMPTZOID, TEXTOID}
};

static QlmPlan way_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET called_at = $2, called_through = $3, called_address = $4,"
	" called_status = $5, called_answer = $6 FROM mine WHERE p.peer_id = mine.peer_id",
	6, {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, TEXTOID}
};

/*
 * Notes a time in the row and in this process if the last one is old.  Nothing
 * is noted if the row is locked or the transaction is read only.  Returns the
 * time before, or DT_NOEND if nothing was noted.
 */
static TimestampTz
touch(QlmPlan *plan, int peer_id, TimestampTz *known, int interval_ms,
	  const QlmDialect *dialect)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz before = DT_NOEND;
	Datum		values[4];
	bool		isnull;

	if (!TimestampDifferenceExceeds(*known, now, interval_ms) ||
		XactReadOnly || IsolationUsesXactSnapshot())
		return DT_NOEND;
	*known = now;
	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(now);
	values[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -interval_ms));
	values[3] = dialect ? CStringGetTextDatum(qlm_dialect_key(dialect)) : (Datum) 0;
	qlm_plan_execute_as_owner(plan, values, dialect ? NULL : "   n");
	if (SPI_processed > 0)
		before = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return before;
}

/*
 * Each session of a peer is reported once, whichever process asks.  If the
 * transaction is rolled back it must be reported again.
 */
bool
qlm_peer_seen(QlmPeer *peer, const QlmDialect *dialect)
{
	TimestampTz known = peer->last_seen;
	TimestampTz before = touch(&seen_plan, peer->peer_id, &peer->last_seen,
							   Min(TOUCH_INTERVAL_MS, qlm_session_timeout / 2), dialect);

	if (before == DT_NOEND)
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
		(void) touch(&success_plan, peer_id, &peer->last_success, TOUCH_INTERVAL_MS, NULL);
}

void
qlm_peer_echoes_ids(QlmPeer *peer)
{
	Datum		values[1] = {Int32GetDatum(peer->peer_id)};

	if (peer->echoes_ids || XactReadOnly || IsolationUsesXactSnapshot())
		return;
	peer->echoes_ids = true;
	qlm_plan_execute_as_owner(&echoes_plan, values, NULL);
}

bool
qlm_peer_try(int peer_id, int64 message_id, const QlmDialect *dialect)
{
	Datum		values[3];

	if (XactReadOnly || IsolationUsesXactSnapshot())
		return false;
	values[0] = Int32GetDatum(peer_id);
	values[1] = Int64GetDatum(message_id);
	values[2] = CStringGetTextDatum(qlm_dialect_key(dialect));
	qlm_plan_execute_as_owner(&try_plan, values, NULL);
	return SPI_processed > 0;
}

void
qlm_peer_takes_nested(int peer_id, bool takes)
{
	Datum		values[2];

	if (XactReadOnly || IsolationUsesXactSnapshot())
		return;
	values[0] = Int32GetDatum(peer_id);
	values[1] = BoolGetDatum(takes);
	qlm_plan_execute_as_owner(&takes_plan, values, NULL);
}

/* If the row is locked by another session, it is noted the next time. */
void
qlm_peer_acknowledges(int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);
	Datum		values[1];

	if (peer == NULL || peer->acknowledges || XactReadOnly || IsolationUsesXactSnapshot())
		return;
	values[0] = Int32GetDatum(peer_id);
	qlm_plan_execute_as_owner(&acknowledges_plan, values, NULL);
}

static bool
note_hold(Datum *values, const char *nulls)
{

	qlm_plan_execute_as_owner(&hold_plan, values, nulls);
	return SPI_processed > 0;
}

bool
qlm_peer_note_hold(int peer_id, int seconds)
{
	Datum		values[5] = {Int32GetDatum(peer_id), Float8GetDatum(seconds)};

	return note_hold(values, "  nnn");
}

bool
qlm_peer_note_cut(int peer_id, int seconds, int cut_ms, const char *by)
{
	Datum		values[5];

	values[0] = Int32GetDatum(peer_id);
	values[1] = Float8GetDatum(seconds);
	values[2] = Float8GetDatum(cut_ms);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = CStringGetTextDatum(by);
	return note_hold(values, NULL);
}

bool
qlm_peer_note_way(int peer_id, const QlmWay *way)
{
	Datum		values[6];
	char		nulls[7] = "      ";

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(way->through);
	nulls[2] = *way->through ? ' ' : 'n';
	values[3] = CStringGetTextDatum(way->address);
	nulls[3] = *way->address ? ' ' : 'n';
	values[4] = Int32GetDatum(way->code);
	nulls[4] = way->code > 0 ? ' ' : 'n';
	values[5] = CStringGetTextDatum(way->words);
	qlm_plan_execute_as_owner(&way_plan, values, nulls);
	return SPI_processed > 0;
}
