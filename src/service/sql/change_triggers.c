/*
 * change_triggers.c
 *		Trigger functions: new values fire subscriptions, and changed
 *		configuration invalidates the caches of all processes.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "process/wake_key.h"
#include "service/forward/remote_subscription.h"
#include "service/subscribe/events.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/replica/restore.h"
#include "storage/subscription/subscription_events.h"
#include "storage/validate/value_items.h"

static TriggerData *
statement_trigger(FunctionCallInfo fcinfo, const char *name)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(data->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function %s must be called as a trigger after a statement",
						name)));
	return data;
}

PG_FUNCTION_INFO_V1(qlm_trigger_value_changed);

/*
 * qlm.value_changed(): after INSERT on qlm.value, with the new rows as
 * transition table, for envelopes and for plain SQL
 */
Datum
qlm_trigger_value_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = statement_trigger(fcinfo, "qlm.value_changed()");
	QlmMatch   *matches;
	int			n;

	if (data->tg_newtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.value_changed() needs the new rows as a transition table")));
	if (tuplestore_tuple_count(data->tg_newtable) == 0)
		return PointerGetDatum(NULL);
	qlm_value_items_check(data->tg_newtable, RelationGetDescr(data->tg_relation));
	if (!qlm_subscription_any_events() || qlm_restore_is_active())
		return PointerGetDatum(NULL);

	qlm_storage_begin();
	n = qlm_subscription_match_new(data->tg_newtable,
								   RelationGetDescr(data->tg_relation),
								   &matches);
	if (n > 0)
		qlm_events_hand_out(matches, n);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_trigger_configuration_changed);

/*
 * qlm.configuration_changed(): after a change of qlm.peer or of a table with
 * subscriptions, which processes cache
 */
Datum
qlm_trigger_configuration_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = statement_trigger(fcinfo, "qlm.configuration_changed()");
	Oid			relid;

	if (!qlm_catalog_available())
		return PointerGetDatum(NULL);
	relid = RelationGetRelid(data->tg_relation);
	if (relid == qlm_catalog_relid(QLM_REL_PEER))
		qlm_wake_pending |= QLM_WAKE_OUTBOX;	/* a new peer may be called */
	else if (relid != qlm_catalog_relid(QLM_REL_RETENTION) &&
			 relid != qlm_catalog_relid(QLM_REL_CUSTOMIZATION))
		relid = qlm_catalog_relid(QLM_REL_SUBSCRIPTION);
	qlm_catalog_invalidate(relid);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_trigger_awaited_ended);

/*
 * qlm.awaited_ended(): after a row that something waits for has ended,
 * whatever ended it
 */
Datum
qlm_trigger_awaited_ended(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.awaited_ended() must be called as a trigger")));
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_trigger_forwarded_ended);

/*
 * qlm.forwarded_ended(): after the row of a remote subscription was deleted,
 * for whatever reason
 */
Datum
qlm_trigger_forwarded_ended(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	Datum		id;
	Datum		dialect;
	Datum		expires_at;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.forwarded_ended() must be called as a trigger for each row that is deleted")));
	desc = RelationGetDescr(data->tg_relation);
	id = SPI_getbinval(data->tg_trigtuple, desc, SPI_fnumber(desc, "request_id"), &isnull);
	dialect = SPI_getbinval(data->tg_trigtuple, desc, SPI_fnumber(desc, "dialect"), &isnull);
	expires_at = SPI_getbinval(data->tg_trigtuple, desc, SPI_fnumber(desc, "expires_at"), &isnull);
	qlm_storage_begin();
	qlm_remote_subscription_end(DatumGetInt64(id), TextDatumGetCString(dialect),
								DatumGetTimestampTz(expires_at));
	qlm_storage_end();
	return PointerGetDatum(NULL);
}
