/*
 * interval.c
 *		Interval subscriptions with a callback: what is sent at each tick
 *		(protocol 4.2).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "message/text/envelope_text.h"
#include "service/exchange/callback.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/error_code.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/payload/payload.h"
#include "service/payload/tree.h"
#include "service/subscribe/interval.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/function/format.h"
#include "storage/select/select.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/subscription_tick.h"

/* Prints an envelope with the newest values of all targets. */
static char *
print_tick(const QlmSubscription *subscription, int64 dropped)
{
	QlmSelector selector = {0};
	QlmDialect	dialect;
	QlmEnvelope *envelope;
	QlmRequest *response;
	QlmOdf	   *found;
	QlmOdf	   *missing;
	List	   *id = qlm_request_id_list(subscription->request_id);

	dialect = qlm_dialect_of(subscription->dialect);
	envelope = qlm_envelope_create(&dialect, subscription->interval);
	response = qlm_envelope_add_request(envelope, QLM_RESPONSE);
	qlm_select(qlm_tree_from_paths(subscription->targets,
								   subscription->ntargets),
			   &selector, &found, &missing);
	if (found)
	{
		QlmResult  *result = qlm_request_add_result(response, 200,
													qlm_dropped_note(dropped, true));

		/* Existing clients fail on an InfoItem without a value. */
		qlm_odf_drop_implied(found);
		qlm_tree_strip(found);
		result->odf = found;
		result->request_ids = id;
		qlm_payload_write_guarded(result, dialect.payload, &dialect);
	}
	else
	{
		QlmResult  *result = qlm_request_add_result(response, 404, "not found");

		result->odf = missing;
		result->request_ids = id;
	}
	return qlm_envelope_to_text(envelope);
}

/* Would a poll return values? */
static bool
has_values(const QlmSubscription *subscription)
{
	QlmSelector selector = {0};
	QlmOdf	   *found;
	QlmOdf	   *missing;

	qlm_select(qlm_tree_from_paths(subscription->targets,
								   subscription->ntargets),
			   &selector, &found, &missing);
	return found && found->nvalues > 0;
}

/* Prints an envelope with the error that keeps the values from being read. */
static char *
print_failure(const QlmSubscription *subscription, int code,
			  const char *description)
{
	QlmDialect	dialect;
	QlmEnvelope *envelope;
	QlmResult  *result;

	dialect = qlm_dialect_of(subscription->dialect);
	envelope = qlm_envelope_create(&dialect, subscription->interval);
	result = qlm_request_add_result(qlm_envelope_add_request(envelope, QLM_RESPONSE),
									code, description);
	result->request_ids = qlm_request_id_list(subscription->request_id);
	return qlm_envelope_to_text(envelope);
}

/* Work that is done with the rights of a subscription, and its result */
typedef struct Tick
{
	const QlmSubscription *subscription;
	int64		dropped;
	char	   *text;			/* the envelope */
	bool		any;			/* a poll would return values */
	int			code;			/* 0: no error */
	const char *description;
} Tick;

static void
make_envelope(Tick *tick)
{
	tick->text = print_tick(tick->subscription, tick->dropped);
}

static void
look_for_values(Tick *tick)
{
	tick->any = has_values(tick->subscription);
}

/*
 * An error for one subscription, which asks for too much or whose role has
 * lost its rights, must not affect the others.
 */
static void
run_guarded(Tick *tick, void (*work) (Tick *tick))
{
	QlmRights	saved;
	bool		outer = qlm_format_serve_subscribers(true);

	(void) qlm_answer_size_begin();
	QLM_SUBTRANSACTION_TRY();
	{
		qlm_rights_become_reader(tick->subscription->role, &saved);
		work(tick);
		qlm_rights_restore(&saved);
		(void) qlm_format_serve_subscribers(outer);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		(void) qlm_format_serve_subscribers(outer);
		if (qlm_error_must_leave(error) && !qlm_error_is_said(error))
			ReThrowError(error);
		tick->code = qlm_error_code(error, &tick->description);
	}
	QLM_SUBTRANSACTION_END();
}

static void
queue_tick(const QlmSubscription *subscription)
{
	int64		dropped = qlm_dropped_take(subscription->request_id);
	Tick		tick = {subscription, dropped};
	QlmOutboxRow row;

	qlm_callback_row(&row, subscription->callback, subscription->peer_id,
					 subscription->peer);
	qlm_row_asked_by(&row, subscription->role, subscription->peer_id,
					 subscription->peer);
	run_guarded(&tick, make_envelope);
	row.envelope = tick.code == 0 ? tick.text :
		print_failure(subscription, tick.code, tick.description);
	row.subscription_id = subscription->request_id;
	row.dropped = dropped;
	row.created_at = GetCurrentTimestamp();
	row.expires_at = qlm_kept_until(row.created_at,
									subscription->expires_at);
	qlm_outbox_add(&row);
}

/*
 * If there are too many values to read, there are some: the channel is
 * notified.
 */
static void
notify_tick(const QlmSubscription *subscription)
{
	Tick		tick = {subscription};

	run_guarded(&tick, look_for_values);
	if (tick.any || tick.code == 413)
		qlm_subscription_notify(subscription);
}

void
qlm_interval_tick(int64 request_id)
{
	QlmSubscription *subscription;

	qlm_storage_begin();
	subscription = qlm_subscription_get(request_id, true);
	if (subscription && subscription->callback &&
		OidIsValid(subscription->role))
	{
		if (qlm_is_notify(subscription->callback))
			notify_tick(subscription);
		else
			queue_tick(subscription);
	}
	qlm_tick_done(request_id);
	qlm_storage_end();
}
