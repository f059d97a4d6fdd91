/*
 * peer_way.c
 *		How a peer was called last, in its row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/peer/peer_way.h"

static QlmPlan way_plan = {
	"WITH mine AS (SELECT peer_id FROM qlm.peer WHERE peer_id = $1"
	" FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer p SET called_at = $2, called_through = $3, called_address = $4,"
	" call_code = $5, call_words = $6 FROM mine WHERE p.peer_id = mine.peer_id",
	6, {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, TEXTOID}
};

bool
qlm_peer_note_way(int peer_id, const QlmWay *way)
{
	Datum		values[6];
	char		nulls[7] = "      ";
	QlmRights	saved;

	values[0] = Int32GetDatum(peer_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = CStringGetTextDatum(way->through);
	nulls[2] = *way->through ? ' ' : 'n';
	values[3] = CStringGetTextDatum(way->address);
	nulls[3] = *way->address ? ' ' : 'n';
	values[4] = Int32GetDatum(way->code);
	nulls[4] = way->code > 0 ? ' ' : 'n';
	values[5] = CStringGetTextDatum(way->words);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&way_plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	return SPI_processed > 0;
}
