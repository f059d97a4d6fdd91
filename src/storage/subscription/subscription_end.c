/*
 * subscription_end.c
 *		Trigger of qlm.subscription: deletes what waits for a poll, and ends
 *		outbox rows, by whatever statement the subscription is deleted.
 *
 * A foreign key would look up and lock the subscription for each value that is
 * added to a buffer.  Values added concurrently are left to the housekeeping.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/outbox_ended.h"

PG_FUNCTION_INFO_V1(qlm_trigger_subscription_ended);

/*
 * qlm.subscription_ended(): after DELETE on qlm.subscription, with the old rows
 * as transition table old_subscriptions, and after TRUNCATE
 */
Datum
qlm_trigger_subscription_ended(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	QlmRights	saved;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.subscription_ended() must be called as a trigger after a statement")));
	if (data->tg_oldtable != NULL &&
		tuplestore_tuple_count(data->tg_oldtable) == 0)
		return PointerGetDatum(NULL);

	qlm_storage_begin();
	if (SPI_register_trigger_data(data) < 0)
		elog(ERROR, "could not register the deleted rows");
	qlm_rights_become_owner(&saved);
	/* Sees all committed rows, even if the transaction has an older snapshot. */
	qlm_plan_execute_once(TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) ?
						  "DELETE FROM qlm.subscription_value" :
						  "DELETE FROM qlm.subscription_value WHERE request_id = ANY"
						  " (ARRAY(SELECT request_id FROM old_subscriptions))",
						  QLM_PLAN_INDEXED, GetLatestSnapshot());
	qlm_rights_restore(&saved);
	qlm_outbox_end(TRIGGER_FIRED_BY_TRUNCATE(data->tg_event));
	qlm_storage_end();
	return PointerGetDatum(NULL);
}
