/*
 * piggyback.c
 *		Nests what is queued for a peer into the response that it gets anyway
 *		(protocol 7.2 to 7.4).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/call.h"
#include "service/subscribe.h"
#include "storage/outbox.h"

/*
 * Peers of the QLM generations take nested requests; others only once they
 * have shown or been said to, since some refuse such a message as a whole.
 */
bool
qlm_call_takes_piggyback(const QlmCall *call)
{
	const QlmPeer *peer = call->peer;

	if (peer->piggyback >= 0)
		return peer->piggyback > 0;
	return peer->echoes_ids || qlm_dialect_is_qlm(&call->request->dialect);
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

static void
piggyback_call(QlmCall *call)
{
	List	   *messages = qlm_outbox_claim(call->peer->peer_id, qlm_piggyback_max,
											qlm_call_outstanding_max(call), false,
											call->peer->acknowledges);
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

void
qlm_calls_piggyback(QlmCall **calls, int n)
{
	int		   *peers = palloc(n * sizeof(int));
	bool	   *due = palloc0(n * sizeof(bool));

	for (int i = 0; i < n; i++)
		peers[i] = calls[i]->peer->peer_id;
	qlm_outbox_due(peers, n, due);
	for (int i = 0; i < n; i++)
		if (due[i] && qlm_call_takes_piggyback(calls[i]))
			piggyback_call(calls[i]);
	pfree(peers);
	pfree(due);
}
