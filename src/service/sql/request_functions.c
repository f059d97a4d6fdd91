/*
 * request_functions.c
 *		SQL functions that build requests to peers and queue them.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "message/text/envelope_text.h"
#include "process/waiters.h"
#include "service/payload/tree.h"
#include "service/sql/arguments.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox.h"
#include "storage/outbox/outbox_reason.h"
#include "storage/peer/peer.h"
#include "storage/select/select.h"

PG_FUNCTION_INFO_V1(qlm_sql_request);
PG_FUNCTION_INFO_V1(qlm_sql_requeue);
PG_FUNCTION_INFO_V1(qlm_sql_read_envelope);
PG_FUNCTION_INFO_V1(qlm_sql_call_envelope);

/* A request with ttl 0 must be answered while its peer is connected. */
static TimestampTz
connected_end(const QlmPeer *peer, TimestampTz now)
{
	if (!qlm_waiters_is_connected(peer->peer_id))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("peer \"%s\" is not connected", peer->name),
				 errdetail("A request with ttl 0 cannot wait for its peer: it leaves only if the peer has a WebSocket open."),
				 errhint("Use a ttl greater than 0, or none.")));
	return now + QLM_MAX_FORWARD_WAIT * USECS_PER_SEC;
}

/*
 * Returns until when a request with this ttl waits.  Raises an error for one
 * that cannot wait.
 */
static TimestampTz
request_end(const QlmPeer *peer, const Interval *ttl)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end;

	if (ttl == NULL)
		return DT_NOEND;
	end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  TimestampTzGetDatum(now),
												  IntervalPGetDatum(ttl)));
	if (end < now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the ttl of a queued request must not be negative")));
	return end == now ? connected_end(peer, now) : end;
}

static void
check_request(const char *text)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope = qlm_envelope_parse(text, strlen(text), "UTF-8",
											   &error_code, &error);
	ListCell   *lc;

	if (error_code == 0 && envelope->requests == NIL)
	{
		error_code = 400;
		error = "The envelope holds no request.";
	}
	foreach(lc, envelope->requests)
	{
		QlmRequest *request = lfirst(lc);

		if (error_code == 0 && request->error_code != 0)
		{
			error_code = request->error_code;
			error = request->error;
		}
	}
	if (error_code != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_XML_DOCUMENT),
				 errmsg("the request is not a valid message"),
				 errdetail("%s", error)));
}

/* An inexpensive check, which may miss something */
static bool
may_be_held(const QlmPeer *peer)
{
	if (!OidIsValid(peer->role))
		return true;
	if (peer->url || peer->piggyback > 0)
		return false;
	return peer->piggyback == 0 ||
		!(peer->echoes_ids || peer->acknowledges || peer->takes_nested > 0);
}

/* Warns that a request may never leave, and notes that in its row. */
static void
mention_obstacle(int64 message_id, const QlmPeer *peer)
{
	char	   *what_to_do;
	char	   *reason;

	if (!may_be_held(peer) ||
		qlm_waiters_is_connected(peer->peer_id))
		return;
	reason = qlm_outbox_reason(message_id, &what_to_do);
	if (reason == NULL || what_to_do == NULL)
		return;
	qlm_outbox_say(message_id, reason);
	ereport(NOTICE,
			(errmsg("request " INT64_FORMAT " for \"%s\" waits: %s", message_id,
					peer->name, reason),
			 errhint("It may help to %s.", what_to_do)));
}

Datum
qlm_sql_request(PG_FUNCTION_ARGS)
{
	QlmOutboxRow	row = {0};
	const QlmPeer *peer;
	int64		id;

	qlm_require_arguments(fcinfo, 2);
	row.peer = qlm_any_text_argument(fcinfo, 0);
	row.envelope = qlm_any_text_argument(fcinfo, 1);
	row.priority = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);

	/* The function of version 0.1.0 has no such argument. */
	if (PG_NARGS() > 4 && !PG_ARGISNULL(4))
		row.order = PG_GETARG_BOOL(4) ? QLM_IN_ORDER : QLM_ANY_ORDER;
	check_request(row.envelope);
	qlm_storage_begin();
	peer = qlm_peer_by_name(row.peer);
	if (peer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("peer \"%s\" does not exist", row.peer),
				 errhint("Add it with qlm_add_peer.")));
	row.peer_id = peer->peer_id;
	row.expires_at = request_end(peer,
								 PG_ARGISNULL(2) ? NULL : PG_GETARG_INTERVAL_P(2));
	id = qlm_outbox_add(&row);
	mention_obstacle(id, peer);
	qlm_storage_end();
	PG_RETURN_INT64(id);
}

Datum
qlm_sql_requeue(PG_FUNCTION_ARGS)
{
	bool		queued;

	qlm_storage_begin();
	queued = qlm_outbox_requeue(PG_GETARG_INT64(0));
	qlm_storage_end();
	PG_RETURN_BOOL(queued);
}

static Datum
print_envelope(const QlmEnvelope *envelope)
{
	return CStringGetTextDatum(qlm_envelope_to_text(envelope));
}

/*
 * Returns the request tree for a path.  If nodes of this path are known here,
 * they say whether it is an Object, and the types of the Objects above it.
 * Otherwise a path of one id is taken for an Object, and any other for an
 * InfoItem.
 */
static QlmOdf *
tree_with_types(const char *path)
{
	QlmOdf	   *request = qlm_tree_from_paths(&path, 1);
	QlmSelector selector = {0};
	QlmOdf	   *known;
	QlmOdf	   *missing;
	QlmObject  *object;
	QlmObject  *known_object;
	Size		outer;

	selector.no_values = true;
	selector.max_levels = 1;
	qlm_storage_begin();
	outer = qlm_answer_size_begin();
	qlm_select(request, &selector, &known, &missing);
	qlm_answer_size_set(outer);
	qlm_storage_end();
	known_object = known ? known->root.objects : NULL;
	for (object = request->root.objects; object; object = object->objects)
	{
		if (known_object)
			object->type = known_object->type;
		if (object->items)
		{
			/* the last Object on the way: keep either the Object or the InfoItem in it */
			if (known_object && known_object->objects)
				object->items = object->last_item = NULL;
			else
				object->objects = object->last_object = NULL;
		}
		known_object = known_object ? known_object->objects : NULL;
	}
	return request;
}

Datum
qlm_sql_read_envelope(PG_FUNCTION_ARGS)
{
	QlmEnvelope *envelope = qlm_envelope_create(qlm_dialect_default(), -1);
	QlmRequest *read = qlm_envelope_add_request(envelope, QLM_READ);

	qlm_require_arguments(fcinfo, 1);
	read->has_begin = !PG_ARGISNULL(1);
	read->has_end = !PG_ARGISNULL(2);
	read->begin = read->has_begin ? PG_GETARG_TIMESTAMPTZ(1) : 0;
	read->end = read->has_end ? PG_GETARG_TIMESTAMPTZ(2) : 0;
	read->newest = qlm_positive_argument(fcinfo, 3, "newest");
	read->oldest = qlm_positive_argument(fcinfo, 4, "oldest");
	read->has_interval = !PG_ARGISNULL(5);
	read->interval = read->has_interval ? PG_GETARG_FLOAT8(5) : 0;
	if (isnan(read->interval) || isinf(read->interval))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the interval of a subscription is a number of seconds, -1 or -2")));
	read->callback = qlm_text_argument(fcinfo, 6);
	/* The function of version 0.1.0 has no such argument. */
	read->details = PG_NARGS() > 7 && !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);
	if (read->details && read->has_interval)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("details and interval exclude each other"),
				 errhint("Read once with details, then subscribe.")));
	read->odf = tree_with_types(qlm_text_argument(fcinfo, 0));
	return print_envelope(envelope);
}

Datum
qlm_sql_call_envelope(PG_FUNCTION_ARGS)
{
	QlmEnvelope *envelope = qlm_envelope_create(qlm_dialect_default(), -1);
	QlmRequest *call = qlm_envelope_add_request(envelope, QLM_CALL);
	QlmInfoItem *item;

	call->odf = qlm_call_argument(fcinfo, &item);
	return print_envelope(envelope);
}
