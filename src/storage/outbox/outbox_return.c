/*
 * outbox_return.c
 *		Messages that were pushed on a connection which has shown no life since:
 *		they are due again at once, wherever their peer is heard.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/indexed.h"
#include "storage/core/wake_key.h"
#include "storage/outbox/outbox.h"

/*
 * What is no request was done with when it was pushed, as nobody acknowledges
 * it there.
 */
static QlmPlan return_plan = {
	"WITH held AS (SELECT message_id FROM qlm.outbox WHERE message_id = ANY ($1)"
	" AND expires_at > $2 AND sent_at <= $3 AND"
	" (CASE kind WHEN 'request' THEN state = 'sent' AND NOT posting"
	" ELSE state = 'answered' END) IS TRUE FOR UPDATE SKIP LOCKED)"
	" UPDATE qlm.outbox SET next_attempt_at = CASE kind WHEN 'request' THEN $2 END,"
	" state = CASE kind WHEN 'request' THEN state ELSE 'queued' END,"
	" answered_at = CASE kind WHEN 'request' THEN answered_at END,"
	" deliveries = GREATEST(deliveries - 1, 0),"
	" last_error = 'the connection that it was pushed on shows no life'"
	" WHERE message_id = ANY (ARRAY(SELECT message_id FROM held)) RETURNING peer_id",
	3, {INT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

void
qlm_nest_return(const int64 *message_ids, int n, TimestampTz pushed_at)
{
	Datum		values[3];
	QlmRights	saved;

	if (n == 0 || XactReadOnly)
		return;
	values[0] = qlm_array_int8(message_ids, n);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = TimestampTzGetDatum(pushed_at);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&return_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		int			peer_id = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));

		qlm_wake_pending |= QLM_WAKE_OUTBOX;
		if (peer_id > 0)
			qlm_wake_key_note(qlm_wake_key_of_peer(peer_id));
	}
	SPI_freetuptable(SPI_tuptable);
}
