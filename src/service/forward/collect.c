/*
 * collect.c
 *		Completes collections: sends the answers of other nodes to a callback,
 *		once all have come or their time is over (protocol 3.5, 8.1).
 *
 * The answer was stored as it would be if no node answered.  Each result with
 * the number of an outbox row is a stand-in for the answer to that row.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "message/text/envelope_text.h"
#include "service/exchange/callback_row.h"
#include "service/exchange/lifetime.h"
#include "service/exchange/request_id.h"
#include "service/forward/collect.h"
#include "service/forward/stand_in.h"
#include "storage/core/plan.h"
#include "storage/outbox/collection.h"

static bool
stands_for(const QlmResult *result, int64 message_id)
{
	return result->request_ids != NIL &&
		qlm_request_id_parse(linitial(result->request_ids)) == message_id;
}

/* Replaces the stand-ins of a row by its answer, if there is one. */
static List *
put_in(List *standing, const QlmAwaitedRow *row)
{
	List	   *found = qlm_outcome_results(&row->outcome, row->message_id,
										row->outcome.node);
	List	   *results = NIL;
	bool		done = false;
	ListCell   *lc;

	foreach(lc, standing)
	{
		QlmResult  *result = lfirst(lc);

		if (!stands_for(result, row->message_id))
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

/*
 * Puts the requestID that the caller knows before the requestIDs of other
 * nodes.
 */
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

/* Returns NULL if the stored answer cannot be parsed. */
static char *
print_answer(const QlmCollection *collection)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope = qlm_envelope_parse(collection->envelope,
											   strlen(collection->envelope), "UTF-8",
											   &error_code, &error);
	QlmRequest *response;
	ListCell   *lc;

	if (error_code != 0 || envelope->requests == NIL)
		return NULL;
	qlm_dialect_from_text(collection->dialect, &envelope->dialect);
	response = linitial(envelope->requests);
	foreach(lc, qlm_outbox_awaited(collection->request_id))
		response->results = put_in(response->results, lfirst(lc));
	give_id(response->results, collection->request_id);
	return qlm_envelope_to_text(envelope);
}

static void
finish(const QlmCollection *collection)
{
	char	   *answer = print_answer(collection);
	QlmOutboxRow row;

	qlm_outbox_told(collection->request_id, 0);
	qlm_collection_end(collection->request_id);
	if (answer == NULL)
		return;
	qlm_callback_row(&row, collection->callback, collection->peer_id, collection->peer);
	qlm_row_asked_by(&row, collection->role, collection->peer_id, collection->peer);
	row.message_id = collection->request_id;
	row.envelope = answer;
	row.created_at = GetCurrentTimestamp();
	row.expires_at = qlm_kept_until(row.created_at,
									qlm_ttl_end(row.created_at, collection->ttl));
	qlm_outbox_add(&row);
}

int
qlm_collect_finish(int max)
{
	List	   *complete;
	ListCell   *lc;

	qlm_storage_begin();
	complete = qlm_collection_complete(max);
	foreach(lc, complete)
		finish(lfirst(lc));
	qlm_storage_end();
	return list_length(complete);
}
