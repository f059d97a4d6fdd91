/*
 * triggers.c
 *		Trigger functions: new values fire subscriptions, changed settings in
 *		tables reach the caches of all processes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "message/envelope.h"
#include "service/payload.h"
#include "service/subscribe.h"
#include "storage/catalog.h"
#include "storage/delivery.h"
#include "storage/outbox.h"
#include "storage/subscription.h"
#include "storage/subtransaction.h"

/* What one subscription gets of the new values */
typedef struct Delivery
{
	QlmMatch   *match;
	bool		by_url;			/* else by the poll buffer */
	QlmDialect	dialect;		/* where by_url */
	QlmResult  *result;			/* the data; NULL: nothing to be seen */
} Delivery;

/* With the rights of the subscription's role */
static void
prepare_delivery(Delivery *delivery)
{
	QlmMatch   *match = delivery->match;
	Oid			role = match->subscription->role;
	QlmRights	saved;
	QlmOdf	   *odf;

	match->nevents = qlm_subscription_visible(role, match->events,
											  match->nevents);
	if (match->nevents == 0 || !delivery->by_url)
		return;
	if (!qlm_dialect_from_text(match->subscription->dialect, &delivery->dialect))
		delivery->dialect = *qlm_dialect_default();
	qlm_rights_become(role, &saved);
	odf = qlm_select_events(match->events, match->nevents);
	if (odf)
	{
		delivery->result = palloc0(sizeof(QlmResult));
		delivery->result->code = 200;
		delivery->result->odf = odf;
		qlm_payload_write(delivery->result, delivery->dialect.payload,
						  &delivery->dialect);
	}
	qlm_rights_restore(&saved);
}

/* Errors that are nobody's fault but must reach the writer */
static bool
must_leave(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TRANSACTION_ROLLBACK ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_INSUFFICIENT_RESOURCES;
}

/*
 * A policy, or the writer of a format, that fails for the subscriber must not make the write fail: the
 * subscriber gets nothing then.
 */
static void
prepare_guarded(Delivery *delivery)
{
	QlmSubtransaction subtransaction;

	qlm_subtransaction_begin(&subtransaction);
	PG_TRY();
	{
		prepare_delivery(delivery);
		qlm_subtransaction_commit(&subtransaction);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(subtransaction.context);
		error = CopyErrorData();
		FlushErrorState();
		qlm_subtransaction_rollback(&subtransaction);
		if (must_leave(error->sqlerrcode))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("qlm subscription " INT64_FORMAT " missed new values: %s",
						delivery->match->subscription->request_id,
						error->message)));
		delivery->match->nevents = 0;
		delivery->result = NULL;
	}
	PG_END_TRY();
}

/* The message that a callback gets (protocol 4.4) */
static char *
print_callback(const QlmSubscription *subscription, const Delivery *delivery,
			   int64 dropped)
{
	QlmEnvelope *envelope;
	QlmResult  *result = delivery->result;
	StringInfoData text;

	envelope = qlm_envelope_create(&delivery->dialect,
								   qlm_ttl_left(subscription->expires_at));
	qlm_envelope_add_request(envelope, QLM_RESPONSE)->results = list_make1(result);
	result->description = qlm_dropped_note(dropped);
	result->request_ids = list_make1(psprintf(INT64_FORMAT,
											  subscription->request_id));
	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	return text.data;
}

static void
queue_callback(const QlmSubscription *subscription, const Delivery *delivery)
{
	TimestampTz now = GetCurrentTimestamp();
	QlmMessage	message = {0};

	message.peer = subscription->peer;
	message.url = subscription->callback;
	message.is_response = true;
	message.dropped = qlm_delivery_take_dropped(subscription->request_id);
	message.envelope = print_callback(subscription, delivery, message.dropped);
	message.subscription_id = subscription->request_id;
	message.created_at = now;
	message.expires_at = qlm_kept_until(now, subscription->expires_at);
	qlm_outbox_add(&message);
}

/* Nothing that could fail has to be kept from the writer. */
static bool
is_harmless(const Delivery *delivery)
{
	return !delivery->by_url &&
		!qlm_subscription_is_filtered(delivery->match->subscription->role);
}

/* True: the events go into a poll buffer. */
static bool
deliver(QlmMatch *match)
{
	const QlmSubscription *subscription = match->subscription;
	Delivery	delivery = {0};

	delivery.match = match;
	delivery.by_url = subscription->callback &&
		qlm_is_http_url(subscription->callback);
	if (is_harmless(&delivery))
		prepare_delivery(&delivery);
	else
		prepare_guarded(&delivery);
	if (match->nevents == 0)
		return false;
	if (delivery.by_url)
	{
		if (delivery.result)
			queue_callback(subscription, &delivery);
		return false;
	}
	qlm_subscription_notify(subscription);
	return true;
}

static void
deliver_all(QlmMatch *matches, int n)
{
	QlmMatch  **buffered = palloc(n * sizeof(QlmMatch *));
	int			nbuffered = 0;

	for (int i = 0; i < n; i++)
		if (deliver(&matches[i]))
			buffered[nbuffered++] = &matches[i];
	qlm_subscription_buffer(buffered, nbuffered);
}

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

PG_FUNCTION_INFO_V1(qlm_value_changed);

/*
 * qlm.value_changed(): after INSERT on qlm.value, with the new rows as a
 * transition table.  The same for envelopes and for plain SQL.
 */
Datum
qlm_value_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = statement_trigger(fcinfo, "qlm.value_changed()");
	QlmMatch   *matches;
	int			n;

	if (data->tg_newtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.value_changed() needs the new rows as a transition table")));
	if (tuplestore_tuple_count(data->tg_newtable) == 0 ||
		!qlm_subscription_any_events())
		return PointerGetDatum(NULL);

	qlm_storage_begin();
	n = qlm_subscription_match_new(data->tg_newtable,
								   RelationGetDescr(data->tg_relation),
								   &matches);
	if (n > 0)
		deliver_all(matches, n);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_configuration_changed);

/*
 * qlm.configuration_changed(): after any change of qlm.peer, or of a table
 * with subscriptions, that the caches of processes must learn
 */
Datum
qlm_configuration_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = statement_trigger(fcinfo, "qlm.configuration_changed()");
	Oid			relid;

	if (!qlm_catalog_available())
		return PointerGetDatum(NULL);
	relid = RelationGetRelid(data->tg_relation);
	if (relid == qlm_catalog_relid(QLM_REL_PEER))
		qlm_wake_pending |= QLM_WAKE_OUTBOX;	/* a new peer may be called */
	else if (relid != qlm_catalog_relid(QLM_REL_RETENTION))
		relid = qlm_catalog_relid(QLM_REL_SUBSCRIPTION);
	qlm_catalog_invalidate(relid);
	return PointerGetDatum(NULL);
}
