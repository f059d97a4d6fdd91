/*
 * outbox_ended.c
 *		Ends the outbox rows of subscriptions that have ended.
 *
 * The trigger of qlm.subscription does it, by whatever statement a
 * subscription is deleted.  A row queued concurrently with the deletion is
 * found when it is claimed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/snapmgr.h"

#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/outbox_ended.h"
#include "storage/outbox/outbox_sql.h"

/*
 * A row whose ttl has passed ends as expired, as if it had been found earlier.
 */
#define END(state_is, source, condition) \
	"UPDATE qlm.outbox o SET next_attempt_at = NULL," \
	" state = CASE WHEN " source "expires_at <= pg_catalog.clock_timestamp()" \
	" THEN 'expired' ELSE 'cancelled' END," \
	" last_error = CASE WHEN " source "expires_at <= pg_catalog.clock_timestamp()" \
	" THEN " QLM_SAY_EXPIRED("o") " ELSE '" QLM_OUTBOX_ENDED "' END" \
	condition " o.state = '" state_is "' AND o.subscription_id IS NOT NULL" \
	" AND o.kind = 'response'"
#define END_THESE(state_is) \
	END(state_is, "s.", " FROM old_subscriptions s WHERE o.subscription_id = s.request_id AND")
#define END_ALL(state_is) END(state_is, "o.", " WHERE")

static QlmPlan detach_plan = {
	"UPDATE qlm.outbox SET subscription_id = NULL WHERE subscription_id = $1"
	" AND subscription_id IS NOT NULL AND kind = 'response' AND state = 'queued'",
	1, {INT8OID}
};

static QlmPlan detach_sent_plan = {
	"UPDATE qlm.outbox SET subscription_id = NULL WHERE subscription_id = $1"
	" AND subscription_id IS NOT NULL AND kind = 'response' AND state = 'sent'",
	1, {INT8OID}
};

/* Sees all committed rows, even if the transaction has an older snapshot. */
static uint64
end(const char *sql)
{
	qlm_plan_execute_once(sql, QLM_PLAN_INDEXED, GetLatestSnapshot());
	return SPI_processed;
}

void
qlm_outbox_end(bool all)
{
	QlmRights	saved;
	uint64		nsent;

	qlm_rights_become_owner(&saved);
	(void) end(all ? END_ALL("queued") : END_THESE("queued"));
	nsent = end(all ? END_ALL("sent") : END_THESE("sent"));
	qlm_rights_restore(&saved);

	/* Somebody may wait for rows that have ended now. */
	qlm_wake_pending |= QLM_WAKE_OUTBOX | QLM_WAKE_ENDED;
	if (nsent > 0)
		qlm_wake_key_note_all();
}

void
qlm_outbox_detach(int64 subscription_id)
{
	Datum		values[1] = {Int64GetDatum(subscription_id)};
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute_indexed(&detach_plan, values, NULL, 0);
	qlm_plan_execute_indexed(&detach_sent_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}
