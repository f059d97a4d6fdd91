/*
 * next_due.c
 *		When the dispatcher has to do something next: rows of the outbox, ticks
 *		of subscriptions, polls of remote subscriptions.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/outbox/collection.h"
#include "storage/subscription/next_due.h"
#include "storage/subscription/remote.h"

/*
 * What is due already was taken, or waits for something other than time.
 * Whether answers wait to be taken up is asked here, too, because a statement
 * of its own would cost more than all of this.
 */
static QlmPlan next_due_plan = {
	"SELECT LEAST("
	"(SELECT paused_until FROM qlm.endpoint WHERE paused_until > $1"
	" ORDER BY paused_until LIMIT 1),"
	" (SELECT next_attempt_at FROM qlm.outbox WHERE state = 'sent'"
	" AND next_attempt_at > $1 ORDER BY next_attempt_at LIMIT 1),"
	" (SELECT next_due FROM qlm.subscription WHERE next_due IS NOT NULL"
	" AND (expires_at > $1) IS TRUE ORDER BY next_due LIMIT 1),"
	" (SELECT expires_at FROM qlm.outbox WHERE state IN ('queued', 'sent')"
	" AND awaited_by IS NOT NULL AND expires_at > $1 ORDER BY expires_at LIMIT 1),"
	" (SELECT next_poll FROM qlm.forwarding WHERE next_poll > $1"
	" ORDER BY next_poll LIMIT 1)),"
	" EXISTS (SELECT FROM " QLM_REMOTE_TOLD ")"
	" OR EXISTS (SELECT FROM " QLM_REMOTE_DUE ")"
	" OR EXISTS (SELECT FROM " QLM_COLLECTION_COMPLETE ")",
	1, {TIMESTAMPTZOID}
};

/*
 * Counted from the start of the transaction in which the caller has looked for
 * what is due, so nothing that became due in the meantime is missed.
 */
TimestampTz
qlm_next_due(bool *to_take_up)
{
	Datum		values[1] = {TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	TimestampTz due;
	bool		isnull;

	qlm_plan_execute_as_owner(&next_due_plan, values, NULL);
	*to_take_up = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	due = DatumGetTimestampTz(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return isnull ? DT_NOEND : due;
}
