/*
 * response_verb.c
 *		Responses of other nodes: finds the requests that they answer, and
 *		stores their data (protocol 7.6).
 */
#include "postgres.h"

#include "access/xact.h"

#include "message/text/envelope_text.h"
#include "service/exchange/delivery_result.h"
#include "service/exchange/error_code.h"
#include "service/exchange/guess.h"
#include "service/exchange/request_id.h"
#include "service/forward/remote_subscription.h"
#include "service/payload/future_time.h"
#include "service/payload/payload.h"
#include "service/verbs/answer_match.h"
#include "service/verbs/response_verb.h"
#include "service/verbs/write_remark.h"
#include "storage/core/acl.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/outbox/outbox_answer.h"
#include "storage/peer/peer_note.h"
#include "storage/write/write.h"

/* Results with the same correlation id, or all without one */
typedef struct AnswerGroup
{
	int64		message_id;		/* 0: no id, -1: not an id of this node */
	List	   *results;
} AnswerGroup;

/* Text cannot be a number of this node: returns -1. */
static int64
correlation_id(const QlmResult *result)
{
	int64		id;

	if (result->request_ids == NIL)
		return 0;
	id = qlm_request_id_parse(linitial(result->request_ids));
	return id == 0 ? -1 : id;
}

static List *
group_results(List *results)
{
	List	   *groups = NIL;
	AnswerGroup *group = NULL;
	ListCell   *lc;

	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);
		int64		id = correlation_id(result);

		if (group == NULL || group->message_id != id)
		{
			group = palloc0(sizeof(AnswerGroup));
			group->message_id = id;
			groups = lappend(groups, group);
		}
		group->results = lappend(group->results, result);
	}
	return groups;
}

static int
fits_request(const char *envelope, bool only, void *arg)
{
	return qlm_answer_fit(envelope, linitial(((AnswerGroup *) arg)->results), only);
}

static char *
answer_text(const QlmExchange *exchange, List *results)
{
	QlmEnvelope *envelope = qlm_envelope_create(&exchange->request->dialect, 0);
	QlmRequest *response = qlm_envelope_add_request(envelope, QLM_RESPONSE);

	envelope->dialect.json = false; /* whoever waits for it reads XML */
	response->results = results;
	return qlm_envelope_to_text(envelope);
}

/*
 * Returns the code of the first result that is not a success, else that of the
 * first.
 */
static int
group_code(const AnswerGroup *group)
{
	ListCell   *lc;

	foreach(lc, group->results)
	{
		QlmResult  *result = lfirst(lc);

		if (!qlm_result_is_success(result))
			return result->code;
	}
	return ((QlmResult *) linitial(group->results))->code;
}

void
qlm_exchange_acknowledges(QlmExchange *exchange)
{
	if (exchange->peer->acknowledges)
		return;
	qlm_peer_acknowledges(exchange->peer->peer_id);
	exchange->peer->acknowledges = true;
}

static bool
is_later(const char *envelope, void *arg)
{
	return qlm_delivery_is_later(envelope, ((AnswerGroup *) arg)->results);
}

/* Returns the error of the first result that is not a success, or NULL. */
static const char *
refusal(const AnswerGroup *group)
{
	ListCell   *lc;

	foreach(lc, group->results)
	{
		const QlmResult *result = lfirst(lc);

		if (!qlm_result_is_success(result))
			return psprintf("it answered with returnCode %d%s%s", result->code,
							result->description ? ": " : "",
							result->description ? result->description : "");
	}
	return NULL;
}

/*
 * Finds the outbox row that is answered and records the answer.  Returns its
 * number, or 0.
 */
static int64
correlate(QlmExchange *exchange, AnswerGroup *group, bool *forwarded)
{
	QlmAnswer	answer = {0};
	int64		id;
	bool		data;

	*forwarded = false;
	if (exchange->peer == NULL)
		return 0;
	answer.return_code = group_code(group);
	answer.text = answer_text(exchange, group->results);
	answer.refusal = refusal(group);
	answer.fit = fits_request;
	answer.is_later = is_later;
	answer.arg = group;
	id = qlm_outbox_answer(exchange->peer->peer_id, group->message_id, &answer,
						   forwarded, &data);
	if (id != 0 && data)
		qlm_exchange_acknowledges(exchange);
	if (id != 0 && id == exchange->peer->tried_with && !exchange->job->on_socket)
	{
		exchange->peer->takes_nested = group->message_id == id || group_code(group) < 300;
		qlm_peer_takes_nested(exchange->peer->peer_id, exchange->peer->takes_nested);
	}
	if (id != 0 && group->message_id == id && !exchange->peer->echoes_ids)
	{
		QlmPeer    *peer = qlm_peer_by_id(exchange->peer->peer_id);

		if (peer)
			qlm_peer_echoes_ids(peer);
		exchange->peer->echoes_ids = true;
	}
	return id;
}

/*
 * A payload that this node cannot read is not stored.  Whoever asked for it
 * gets it as it came.  If nobody has asked, the sender is told that it was not
 * stored, though not as an error.
 */
static void
acknowledge_unread(const QlmResult *result, bool asked, QlmRequest *response)
{
	const char *why = result->unread;

	if (why && result->unread_code != 400)
	{
		qlm_request_add_result(response, result->unread_code,
							   why)->request_ids = result->request_ids;
		return;
	}
	if (asked)
		return;
	if (why == NULL)
		why = qlm_payload_is_odf(result->msgformat) ? "the payload is not O-DF" :
			psprintf("payload format \"%s\" is not read here", result->msgformat);
	qlm_request_add_result(response, 200, psprintf("not stored: %s", why));
}

/*
 * If all was stored as it came, one success stands for the whole response.
 * InfoItems that were asked for by name are not reported as new.
 */
static void
add_outcome(const QlmExchange *exchange, QlmRequest *response, QlmWrite *write, bool asked)
{
	const char *said;

	if (write->error_code != 0)
	{
		qlm_request_add_result(response, write->error_code, write->error);
		return;
	}
	qlm_remark_count(write, LOG);
	if (exchange->job->counts)
		qlm_write_counts_add(exchange->job->counts, &write->counts);
	if (asked)
		memset(&write->counts.made, 0, sizeof(QlmWriteCount));
	said = qlm_remark_describe(&write->counts);
	if (said)
		qlm_request_add_result(response, 200, said);
}

/*
 * Stores the data of results.  A peer that may only read can still answer
 * requests.  Data that nobody asked for are stored only with the right to
 * write, and never dropped silently (protocol 7.6).
 */
static void
store_results(QlmExchange *exchange, List *results, bool asked, QlmRequest *response)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);
		QlmWrite	write = {0};
		const char *problem;

		if (!qlm_result_is_success(result))
			continue;
		if (result->odf == NULL)
		{
			if (result->opaque)
				acknowledge_unread(result, asked, response);
			continue;
		}
		if (!qlm_acl_may_insert(QLM_REL_VALUE))
		{
			if (!asked)
				qlm_request_add_result(response, 403,
									   "data that was not asked for is not stored");
			continue;
		}
		problem = qlm_future_problem(result->odf);
		if (problem)
		{
			qlm_request_add_result(response, 400, problem);
			continue;
		}
		write.odf = result->odf;
		write.peer_id = exchange->peer ? exchange->peer->peer_id : 0;
		write.received_at = exchange->received_at;
		qlm_write_run(&write, 1);
		add_outcome(exchange, response, &write, asked);
	}
}

/*
 * Returns the code of the first error among the results from this index on, or
 * 0.
 */
static int
first_error(const QlmRequest *response, int from, const char **why)
{
	for (int i = from; i < list_length(response->results); i++)
	{
		const QlmResult *result = list_nth(response->results, i);

		if (qlm_result_is_success(result))
			continue;
		*why = result->description ? result->description : "it is refused";
		return result->code;
	}
	return 0;
}

/* Temporary errors are raised; all others become a result. */
static void
store_guarded(QlmExchange *exchange, List *results, QlmRequest *response)
{
	int			nresults = list_length(response->results);

	QLM_SUBTRANSACTION_TRY();
	{
		store_results(exchange, results, true, response);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		const char *why;
		int			code = qlm_error_must_leave(error) ? 500 : qlm_error_code(error, &why);

		if (code >= 500)
			ReThrowError(error);
		response->results = list_truncate(response->results, nresults);
		qlm_request_add_result(response, code, why)->request_ids =
			((QlmResult *) linitial(results))->request_ids;
	}
	QLM_SUBTRANSACTION_END();
}

/*
 * The same for data that were asked for.  The request counts as answered even
 * if rights or constraints keep the data from being stored: otherwise it would
 * be sent again for ever.  Returns 0, or a code and why they were not stored.
 */
static int
store_answer(QlmExchange *exchange, List *results, QlmRequest *response, const char **why)
{
	int			nresults = list_length(response->results);

	if (exchange->alone)
		store_guarded(exchange, results, response);
	else
		store_results(exchange, results, true, response);
	return first_error(response, nresults, why);
}

static void
read_payloads(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
		if (qlm_result_is_success(lfirst(lc)))
			qlm_payload_read_result(lfirst(lc));
}

int
qlm_results_store(QlmExchange *exchange, List *results)
{
	QlmRequest	unsaid = {0};
	QlmRights	saved;
	const char *why;
	int			code;
	ListCell   *lc;

	if (results == NIL)
		return 0;
	qlm_rights_become_caller(exchange->role, exchange->job->from_session, &saved);
	read_payloads(results);
	code = store_answer(exchange, results, &unsaid, &why);
	qlm_rights_end_caller(&saved, exchange->job->from_session);

	/* The answer came on a connection of this node, so nobody reads a response to it. */
	foreach(lc, unsaid.results)
		if (!qlm_result_is_success(lfirst(lc)))
			ereport(LOG,
					(errmsg("qlm did not store the answer of a peer: %s",
							((QlmResult *) lfirst(lc))->description)));
	return code;
}

void
qlm_response_refused(QlmExchange *exchange, const QlmRequest *request, int code,
					 const char *why)
{
	ListCell   *lc;

	if (exchange->peer == NULL || XactReadOnly)
		return;
	foreach(lc, group_results(request->results))
	{
		AnswerGroup *group = lfirst(lc);
		QlmRequest	said = {0};
		bool		forwarded;

		if (group->message_id <= 0)
			continue;
		qlm_request_add_result(&said, code, why)->request_ids =
			((QlmResult *) linitial(group->results))->request_ids;
		group->results = said.results;
		(void) correlate(exchange, group, &forwarded);
	}
}

static void
refuse_nested(const QlmRequest *request, QlmRequest *response)
{
	ListCell   *lc;

	foreach(lc, request->results)
	{
		QlmResult  *result = lfirst(lc);

		if (result->nested == NULL && result->nested_error == NULL)
			continue;
		qlm_request_add_result(response, result->nested ? 501 : 400,
							   result->nested ?
							   "requests nested in a posted response are not executed" :
							   result->nested_error)->request_ids = result->request_ids;
	}
}

void
qlm_verb_response(QlmExchange *exchange, const QlmRequest *request,
				  QlmRequest *response)
{
	int			nresults = list_length(response->results);
	List	   *results = request->results;
	ListCell   *lc;

	if (exchange->peer)
		results = qlm_remote_subscription_results(exchange->peer->peer_id, results);
	read_payloads(results);
	foreach(lc, group_results(results))
	{
		AnswerGroup *group = lfirst(lc);
		bool		forwarded;
		int64		asked = correlate(exchange, group, &forwarded);
		const char *why;
		int			code;

		if (asked == 0 && group->message_id != 0)
			qlm_guess_id_fails(exchange);
		/* The answer to a forwarded request is not stored here. */
		if (forwarded)
			continue;
		if (asked == 0)
		{
			store_results(exchange, group->results, false, response);
			continue;
		}
		code = store_answer(exchange, group->results, response, &why);
		if (code != 0)
			qlm_outbox_not_stored(exchange->peer->peer_id, asked, code, why);
	}
	refuse_nested(request, response);
	if (list_length(response->results) == nresults)
		qlm_request_add_result(response, 200, NULL);
}
