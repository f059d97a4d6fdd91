/*
 * outbox_ended.c
 *		Outbox rows of subscriptions that have ended.
 *
 * It ends with them, by whatever statement they are deleted, and its state says
 * so.  What somebody queues while the subscription is being deleted is found when
 * it is claimed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/snapmgr.h"

#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/outbox_ended.h"
#include "storage/outbox/outbox_sql.h"

/* What has outlived its ttl says so, as it would if it had been found waiting. */
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

/* All that is there now, also where the transaction keeps an older snapshot */
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

	/* What leaves no more may have been what others waited for. */
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
