/*
 * piggyback.c
 *		Nests what is queued for a peer into the response that it gets anyway
 *		(protocol 7.2 to 7.4).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/road/call.h"
#include "service/subscribe/subscribe.h"
#include "storage/outbox/outbox.h"

/*
 * Peers of the QLM generations take nested requests, and so does who acknowledges
 * nested data; others only once they have shown or been said to, since some
 * refuse such a message as a whole.
 */
bool
qlm_call_takes_piggyback(const QlmCall *call)
{
	const QlmPeer *peer = call->peer;

	if (peer->piggyback >= 0)
		return peer->piggyback > 0;
	return peer->echoes_ids || peer->takes_nested > 0 || peer->acknowledges ||
		qlm_dialect_is_qlm(&call->request->dialect);
}

/*
 * Others are tried once, where they lose nothing if they refuse the answer as a
 * whole: it says only that all went well, and what it is to may come again.
 */
static bool
may_come_again(const QlmRequest *request)
{
	return request->verb == QLM_WRITE || request->verb == QLM_RESPONSE ||
		(request->verb == QLM_READ && request->odf == NULL && request->opaque == NULL &&
		 request->request_ids == NIL && request->nodes == NIL);
}

static bool
says_nothing(const QlmResult *result)
{
	return result->code == 200 && result->description == NULL && result->odf == NULL &&
		result->opaque == NULL && result->request_ids == NIL && result->nested == NULL;
}

static bool
may_try(const QlmCall *call)
{
	ListCell   *lc;

	if (call->peer->piggyback >= 0 || call->peer->tried || call->exchange->on_socket)
		return false;
	foreach(lc, call->request->requests)
		if (!may_come_again(lfirst(lc)))
			return false;
	foreach(lc, call->response->results)
		if (!says_nothing(lfirst(lc)))
			return false;
	return true;
}

bool
qlm_call_may_carry(const QlmCall *call)
{
	return qlm_call_takes_piggyback(call) || may_try(call);
}

/* One at a time until answers can be told apart. */
int
qlm_call_outstanding_max(const QlmCall *call)
{
	const QlmPeer *peer = call->peer;

	return (peer->echoes_ids || peer->piggyback > 0) ? qlm_piggyback_max : 1;
}

QlmEnvelope *
qlm_call_outgoing(const QlmCall *call, const QlmMessage *message)
{
	int			error_code;
	const char *error;
	QlmEnvelope *nested = qlm_envelope_parse(message->envelope,
											 strlen(message->envelope), "UTF-8",
											 &error_code, &error);

	if (error_code != 0)
		return NULL;
	nested->dialect = call->request->dialect;
	if (call->peer->dialect)
		qlm_dialect_from_text(call->peer->dialect, &nested->dialect);
	nested->ttl = qlm_ttl_left(message->expires_at);
	nested->authorization = NULL;
	return nested;
}

static int
printed_size(const QlmEnvelope *envelope)
{
	StringInfoData text;
	int			size;

	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	size = text.len;
	pfree(text.data);
	return size;
}

/* A result that says nothing else yet can carry it, as in the paper's Fig. 3. */
static QlmResult *
carrying_result(QlmRequest *response)
{
	QlmResult  *last = response->results == NIL ? NULL :
		llast(response->results);

	if (last && last->code == 200 && last->odf == NULL &&
		last->opaque == NULL &&
		last->request_ids == NIL && last->nested == NULL)
		return last;
	return qlm_request_add_result(response, 200, NULL);
}

static void
attach(QlmCall *call, const QlmMessage *message, QlmEnvelope *nested)
{
	QlmResult  *result = carrying_result(call->response);

	nested->acknowledge = message->is_data;
	result->nested = nested;
	result->request_ids = list_make1(psprintf(INT64_FORMAT,
											  message->message_id));
}

static bool
has_answers(const QlmEnvelope *envelope)
{
	ListCell   *lc;

	foreach(lc, envelope->requests)
		if (((const QlmRequest *) lfirst(lc))->verb == QLM_RESPONSE)
			return true;
	return false;
}

static List *
claim_for(const QlmCall *call)
{
	QlmClaim	claim = {0};

	claim.peer_id = call->peer->peer_id;
	claim.max = qlm_piggyback_max;
	claim.outstanding_max = qlm_call_outstanding_max(call);
	claim.acknowledged = call->peer->acknowledges;
	claim.answers = has_answers(call->request);
	return qlm_outbox_claim(&claim);
}

static void
piggyback_call(QlmCall *call)
{
	List	   *messages = claim_for(call);
	int			size = 0;
	int			attached = 0;
	bool		full = false;
	ListCell   *lc;

	foreach(lc, messages)
	{
		QlmMessage *message = lfirst(lc);
		QlmEnvelope *nested = qlm_call_outgoing(call, message);

		if (nested == NULL)
		{
			qlm_outbox_fail(message->message_id, "it is no message");
			continue;
		}
		size += printed_size(nested);
		/* A message beyond the limit still goes, but alone. */
		full = full || (attached > 0 && size > qlm_piggyback_max_size);
		if (full)
			qlm_outbox_unclaim(message->message_id);
		else
		{
			attach(call, message, nested);
			attached++;
		}
	}
}

static void
try_call(QlmCall *call)
{
	QlmClaim	claim = {0};
	List	   *messages;
	QlmMessage *message;
	QlmEnvelope *nested;

	claim.peer_id = call->peer->peer_id;
	claim.max = claim.outstanding_max = 1;
	claim.requests_only = true;
	messages = qlm_outbox_claim(&claim);
	if (messages == NIL)
		return;
	message = linitial(messages);
	nested = qlm_call_outgoing(call, message);
	if (nested == NULL)
		qlm_outbox_fail(message->message_id, "it is no message");
	else if (!qlm_peer_try(call->peer->peer_id, message->message_id,
						   &call->request->dialect))
		qlm_outbox_unclaim(message->message_id);
	else
	{
		attach(call, message, nested);
		qlm_outbox_say(message->message_id,
					   "its peer speaks O-MI: it is tried with this one whether it takes piggy-backed requests");
	}
}

/*
 * What was tried in vain is noted when the peer calls again, and what waits says
 * why it does.
 */
static void
hold_call(QlmCall *call)
{
	const QlmPeer *peer = call->peer;

	bool		in_vain = peer->piggyback < 0 && peer->tried && peer->takes_nested < 0 &&
		qlm_outbox_is_overdue(peer->tried_with);

	if (in_vain)
		qlm_peer_takes_nested(peer->peer_id, false);
	qlm_outbox_say_why(peer->peer_id, in_vain);
}

void
qlm_calls_piggyback(QlmCall **calls, int n)
{
	int		   *peers = palloc(n * sizeof(int));
	bool	   *due = palloc0(n * sizeof(bool));

	for (int i = 0; i < n; i++)
		peers[i] = calls[i]->peer->peer_id;
	qlm_outbox_due(peers, n, due);
	for (int i = 0; i < n; i++)
	{
		if (!due[i])
			continue;
		if (qlm_call_takes_piggyback(calls[i]))
			piggyback_call(calls[i]);
		else if (may_try(calls[i]))
			try_call(calls[i]);
		else
			hold_call(calls[i]);
	}
	pfree(peers);
	pfree(due);
}
