/*
 * stand_in.c
 *		Stand-ins: results that stand for the answers of other nodes until
 *		these have come, and what replaces them.
 *
 * The held answer is the one that would leave if no node answered.
 */
#include "postgres.h"

#include "utils/acl.h"
#include "utils/timestamp.h"

#include "message/text/envelope_text.h"
#include "service/exchange/hops.h"
#include "service/exchange/request_id.h"
#include "service/forward/send_on.h"
#include "service/forward/stand_in.h"

void
qlm_stand_in_add(QlmExchange *exchange, int64 message_id, int nresults, bool device)
{
	QlmStandIn *awaited = palloc(sizeof(QlmStandIn));

	awaited->message_id = message_id;
	awaited->result = list_length(exchange->response->results) - nresults;
	awaited->nresults = nresults;
	awaited->device = device;
	exchange->awaited = lappend(exchange->awaited, awaited);
}

void
qlm_exchange_stand_in(QlmExchange *exchange, QlmRequest *response, int first,
					  int64 message_id, bool device)
{
	bool		holds = qlm_exchange_holds(exchange);
	List	   *id = qlm_request_id_list(message_id);

	if (!holds || (!device && qlm_exchange_answered_until(exchange) >
				   qlm_exchange_held_until(exchange)))
		for (int i = first; i < list_length(response->results); i++)
			((QlmResult *) list_nth(response->results, i))->request_ids = id;
	if (holds)
		qlm_stand_in_add(exchange, message_id, list_length(response->results) - first,
						 device);
}

/* Returns the ids other than the number of the forwarded request. */
static List *
other_ids(List *request_ids, int64 message_id)
{
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, request_ids)
		if (qlm_request_id_parse(lfirst(lc)) != message_id)
			others = lappend(others, lfirst(lc));
	return others;
}

/*
 * Returns the results of an answer, or NIL. *success: did any of them succeed?
 */
static List *
answered_results(const QlmOutcome *outcome, int64 message_id, bool *success)
{
	QlmEnvelope *answer;
	List	   *results;
	ListCell   *lc;

	*success = false;
	if (strcmp(outcome->state, "answered") != 0 || outcome->answer == NULL)
		return NIL;
	answer = qlm_envelope_from_text(outcome->answer);
	if (answer == NULL || answer->requests == NIL)
		return NIL;
	results = ((QlmRequest *) linitial(answer->requests))->results;
	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);

		result->request_ids = other_ids(result->request_ids, message_id);
		result->nested = NULL;
		if (result->code == 0)
			result->code = 500;
		*success = *success || qlm_result_is_success(result);
	}
	return results;
}

static QlmResult *
make_result(int code, const char *description)
{
	QlmRequest	response = {0};

	return qlm_request_add_result(&response, code, description);
}

static const char *
silence(const QlmOutcome *outcome)
{
	if (!outcome->final)
		return outcome->error == NULL ? "the node has not answered yet" :
			psprintf("the node has not answered yet: %s", outcome->error);
	return outcome->error ? outcome->error : "the node gave no answer that could be read";
}

/* Returns the results of a node, or one that says why there are none. */
static List *
node_results(const QlmOutcome *outcome, int64 message_id, const char *node)
{
	bool		success;
	List	   *results = answered_results(outcome, message_id, &success);
	ListCell   *lc;

	if (results == NIL)
		results = list_make1(make_result(504, silence(outcome)));
	foreach(lc, results)
		((QlmResult *) lfirst(lc))->nodes = list_make1(unconstify(char *, node));
	return results;
}

static void
mark_as_device(QlmResult *result)
{
	if (result->target_type == NULL)
		result->target_type = "device";
}

/* Returns the results of a device, or NIL if none succeeded. */
static List *
device_results(const QlmOutcome *outcome, int64 message_id)
{
	bool		success;
	List	   *results = answered_results(outcome, message_id, &success);
	ListCell   *lc;

	if (!success)
		return NIL;
	foreach(lc, results)
		mark_as_device(lfirst(lc));
	return results;
}

List *
qlm_outcome_results(const QlmOutcome *outcome, int64 message_id,
					const char *node)
{
	return node ? node_results(outcome, message_id, node) :
		device_results(outcome, message_id);
}

bool
qlm_stand_ins_are_final(const QlmHeldAnswer *held)
{
	for (int i = 0; i < held->nawaited; i++)
	{
		QlmOutcome	outcome;

		if (qlm_outbox_outcome(held->awaited[i].message_id, &outcome) && !outcome.final)
			return false;
	}
	return true;
}

/* Returns the results that replace a stand-in, or NIL. */
static List *
find_results(QlmExchange *exchange, const QlmStandIn *awaited)
{
	QlmOutcome	outcome;
	const QlmResult *standing;

	if (!qlm_outbox_outcome(awaited->message_id, &outcome) || !outcome.final)
		return NIL;
	standing = list_nth(exchange->response->results, awaited->result);
	return qlm_outcome_results(&outcome, awaited->message_id,
							   awaited->device ? NULL :
							   standing->nodes ? linitial(standing->nodes) : "");
}

static List *
append_range(List *results, List *from, int first, int end)
{
	for (int i = first; i < end; i++)
		results = lappend(results, list_nth(from, i));
	return results;
}

void
qlm_stand_in_replace(QlmExchange *exchange)
{
	const QlmHeldAnswer *held = exchange->job->held_answer;
	List	   *standing = exchange->response->results;
	List	   *results = NIL;
	int			done = 0;

	for (int i = 0; i < held->nawaited; i++)
	{
		const QlmStandIn *awaited = &held->awaited[i];
		int			end = awaited->result + awaited->nresults;
		List	   *found = find_results(exchange, awaited);

		results = append_range(results, standing, done,
							   found == NIL ? end : awaited->result);
		results = list_concat(results, found);
		done = end;
	}
	exchange->response->results = append_range(results, standing, done,
											   list_length(standing));
}

static bool
is_asker(const QlmExchange *exchange, const QlmOutcome *outcome)
{
	if (!OidIsValid(outcome->asker_role))
		return false;
	if (exchange->peer)
		return outcome->asker_peer_id == exchange->peer->peer_id;
	if (exchange->job->from_session && OidIsValid(outcome->asker_role) &&
		has_privs_of_role(exchange->role, outcome->asker_role))
		return true;
	return outcome->asker_peer_id == 0 && outcome->asker_role == exchange->role;
}

/*
 * Returns the results of a device, errors included, or one that says why there
 * are none.
 */
static List *
device_answer(const QlmOutcome *outcome, int64 message_id)
{
	bool		success;
	List	   *results = answered_results(outcome, message_id, &success);
	ListCell   *lc;

	if (results == NIL)
		return list_make1(make_result(504, outcome->final && outcome->error ?
									  outcome->error :
									  "the device has not answered"));
	foreach(lc, results)
		mark_as_device(lfirst(lc));
	return results;
}

bool
qlm_poll_forwarded(QlmExchange *exchange, const char *request_id, QlmRequest *response)
{
	int64		id = qlm_request_id_parse(request_id);
	QlmOutcome	outcome;
	List	   *results;
	ListCell   *lc;

	if (!qlm_outbox_outcome(id, &outcome) || !is_asker(exchange, &outcome))
		return false;
	if (outcome.node)
		results = node_results(&outcome, id, outcome.node);
	else
		results = device_answer(&outcome, id);
	foreach(lc, results)
	{
		QlmResult  *result = lfirst(lc);

		result->request_ids = lcons(unconstify(char *, request_id), result->request_ids);
		response->results = lappend(response->results, result);
	}
	return true;
}
