/*
 * peer_hold.c
 *		For how long a peer is asked to hold calls, in its row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/peer/peer_hold.h"

/* Null: what is there stays. */
static QlmPlan hold_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET hold = $2 * interval '1 s',"
	" hold_cut_after = COALESCE($3 * interval '1 ms', hold_cut_after),"
	" hold_cut_at = COALESCE($4, hold_cut_at), hold_cut_by = COALESCE($5, hold_cut_by)"
	" FROM mine WHERE p.peer_id = mine.peer_id",
	5, {INT4OID, FLOAT8OID, FLOAT8OID, TIMESTAMPTZOID, TEXTOID}
};

static bool
note(Datum *values, const char *nulls)
{
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&hold_plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	return SPI_processed > 0;
}

bool
qlm_peer_note_hold(int peer_id, int seconds)
{
	Datum		values[5] = {Int32GetDatum(peer_id), Float8GetDatum(seconds)};

	return note(values, "  nnn");
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
	return note(values, NULL);
}
