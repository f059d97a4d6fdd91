/*
 * outbox_reason.c
 *		Records why a row waits, for the view qlm.stat_outbox.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/outbox/outbox_reason.h"

static QlmPlan say_plan = {
	"UPDATE qlm.outbox SET last_error = $2 WHERE message_id = $1",
	2, {INT8OID, TEXTOID}
};

/*
 * Only the first rows are marked, and only if somebody can do something about
 * it.  A reason stays unless $2 says that it has changed.
 */
static QlmPlan say_why_plan = {
	"WITH first AS MATERIALIZED (SELECT message_id, last_error FROM qlm.outbox"
	" WHERE peer_id = $1 AND url IS NULL AND state IN ('queued', 'sent')"
	" AND kind = 'request' ORDER BY priority DESC, seq LIMIT 20),"
	" why AS (SELECT s.message_id, s.waits_for FROM first f,"
	" LATERAL (SELECT message_id, waits_for FROM qlm.stat_outbox"
	" WHERE message_id = f.message_id AND what_to_do IS NOT NULL) AS s"
	" WHERE f.last_error IS NULL OR $2)"
	" UPDATE qlm.outbox o SET last_error = why.waits_for FROM why"
	" WHERE o.message_id = why.message_id AND o.last_error IS DISTINCT FROM why.waits_for",
	2, {INT4OID, BOOLOID}
};

static QlmPlan reason_plan = {
	"SELECT waits_for, what_to_do FROM qlm.stat_outbox WHERE message_id ="
	" COALESCE((SELECT sent_as FROM qlm.outbox WHERE message_id = $1), $1)",
	1, {INT8OID}, .as_active = true
};

void
qlm_outbox_say(int64 message_id, const char *what)
{
	Datum		values[2];

	values[0] = Int64GetDatum(message_id);
	values[1] = CStringGetTextDatum(what);
	(void) qlm_plan_execute_as_owner(&say_plan, values, NULL);
}

void
qlm_outbox_say_why(int peer_id, bool has_changed)
{
	Datum		values[2];

	values[0] = Int32GetDatum(peer_id);
	values[1] = BoolGetDatum(has_changed);
	if (!XactReadOnly)
		(void) qlm_plan_execute_as_owner(&say_why_plan, values, NULL);
}

char *
qlm_outbox_reason(int64 message_id, char **what_to_do)
{
	Datum		values[1] = {Int64GetDatum(message_id)};
	char	   *reason = NULL;

	*what_to_do = NULL;
	PushActiveSnapshot(GetLatestSnapshot());
	if (qlm_plan_execute_as_owner(&reason_plan, values, NULL) > 0)
	{
		reason = qlm_spi_text(0, 1);
		*what_to_do = qlm_spi_text(0, 2);
	}
	SPI_freetuptable(SPI_tuptable);
	PopActiveSnapshot();
	return reason;
}
