/*
 * gather.c
 *		Answers of other nodes that go to a callback, together, once all of them
 *		are there or their time is over (protocol 3.5, 8.1).
 *
 * The answer was printed as it would be if nobody answered: the results that
 * bear the number of a message stand for what that brings.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "service/forward/gather.h"
#include "service/road/exchange.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/catalog.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/gathering.h"

static bool
stands_for(const QlmResult *result, int64 message_id)
{
	return result->request_ids != NIL &&
		qlm_request_id_parse(linitial(result->request_ids)) == message_id;
}

/* What a message has brought takes the place of the results that stand for it. */
static List *
put_in(List *standing, const QlmAwaitedMessage *message)
{
	List	   *found = qlm_outcome_results(&message->outcome, message->message_id,
										message->outcome.node);
	List	   *results = NIL;
	bool		done = false;
	ListCell   *lc;

	foreach(lc, standing)
	{
		QlmResult  *result = lfirst(lc);

		if (!stands_for(result, message->message_id))
			results = lappend(results, result);
		else if (found == NIL)
		{
			result->request_ids = NIL;
			results = lappend(results, result);
		}
		else if (!done)
		{
			results = list_concat(results, found);
			done = true;
		}
	}
	return results;
}

/* All under the requestID that the caller knows, before any of other nodes */
static void
give_id(List *results, int64 request_id)
{
	char	   *id = psprintf(INT64_FORMAT, request_id);
	ListCell   *lc;

	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);

		if (!stands_for(result, request_id))
			result->request_ids = lcons(id, result->request_ids);
	}
}

/* NULL: what was kept cannot be read */
static char *
print_answer(const QlmGathering *gathering)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope = qlm_envelope_parse(gathering->envelope,
											   strlen(gathering->envelope), "UTF-8",
											   &error_code, &error);
	QlmRequest *response;
	StringInfoData text;
	ListCell   *lc;

	if (error_code != 0 || envelope->requests == NIL)
		return NULL;
	qlm_dialect_from_text(gathering->dialect, &envelope->dialect);
	response = linitial(envelope->requests);
	foreach(lc, qlm_outbox_awaited(gathering->request_id))
		response->results = put_in(response->results, lfirst(lc));
	give_id(response->results, gathering->request_id);
	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	return text.data;
}

static void
finish(const QlmGathering *gathering)
{
	QlmMessage	message = {0};

	message.envelope = print_answer(gathering);
	qlm_outbox_told(gathering->request_id, 0);
	qlm_gathering_end(gathering->request_id);
	if (message.envelope == NULL)
		return;
	message.message_id = gathering->request_id;
	if (!qlm_is_connection(gathering->callback))
	{
		message.peer_id = gathering->peer_id;
		message.peer = gathering->peer;
	}
	message.url = gathering->callback;
	message.is_response = true;
	message.asker_role = gathering->role;
	message.asker_peer_id = gathering->peer_id;
	message.asker_peer = gathering->peer;
	message.created_at = GetCurrentTimestamp();
	message.expires_at = qlm_kept_until(message.created_at,
										qlm_ttl_end(message.created_at,
													gathering->ttl));
	qlm_outbox_add(&message);
}

int
qlm_gather_finish(int max)
{
	List	   *complete;
	ListCell   *lc;

	qlm_storage_begin();
	complete = qlm_gathering_complete(max);
	foreach(lc, complete)
		finish(lfirst(lc));
	qlm_storage_end();
	return list_length(complete);
}
