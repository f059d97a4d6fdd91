/*
 * subscription_end.c
 *		Trigger of qlm.subscription: what waits for a poll goes with its
 *		subscription, by whatever statement that was deleted.
 *
 * No foreign key does this: it would look the subscription up for each value
 * that is put into a buffer, and lock it.  What others are just putting there
 * is left to the housekeeping.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "storage/catalog.h"
#include "storage/indexed.h"

PG_FUNCTION_INFO_V1(qlm_subscription_ended);

/* All that is there now, also where the transaction keeps an older snapshot */
static void
execute(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);
	int			result;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	result = SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(),
								  InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

/*
 * qlm.subscription_ended(): after DELETE on qlm.subscription, with the old rows
 * as transition table old_subscriptions, and after TRUNCATE
 */
Datum
qlm_subscription_ended(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	QlmRights	saved;
	int			nest_level;

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
	nest_level = qlm_indexed_begin();
	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		execute("DELETE FROM qlm.subscription_value");
	else
		execute("DELETE FROM qlm.subscription_value WHERE request_id = ANY"
				" (ARRAY(SELECT request_id FROM old_subscriptions))");
	qlm_indexed_end(nest_level);
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}
