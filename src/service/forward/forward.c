/*
 * forward.c
 *		Forwards requests to other nodes: one copy for each node of a nodeList
 *		(protocol 8.1).
 *
 * Requests are sent only to peers of this node, never to an address that a
 * caller chooses, and only if the caller may do the same here.  Each copy
 * lists the nodes that it came through, so that it cannot go in circles.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/exchange/callback.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/hops.h"
#include "service/forward/forward.h"
#include "service/forward/remote_subscription.h"
#include "service/forward/send_on.h"
#include "service/forward/stand_in.h"
#include "service/payload/delete_scope.h"
#include "storage/core/acl.h"

/* A caller can do no more through this node than it may do here. */
static bool
may_ask(const QlmRequest *request)
{
	if (request->verb == QLM_READ || request->verb == QLM_CANCEL)
		return qlm_acl_may_select(QLM_REL_VALUE);
	return qlm_acl_may_insert(QLM_REL_VALUE);
}

static bool
is_subscription(const QlmRequest *request)
{
	return request->verb == QLM_READ && request->has_interval &&
		request->request_ids == NIL;
}

/*
 * Returns why a request cannot be forwarded at all and sets the code, or NULL.
 */
static const char *
general_problem(const QlmExchange *exchange, const QlmRequest *request, int *code)
{
	*code = 400;
	if (is_subscription(request))
	{
		const char *problem = qlm_exchange_is_own_callback(exchange, request->callback) ? NULL :
			qlm_callback_problem(exchange->peer, request->callback,
								 exchange->job->from_session, code);

		if (problem)
			return problem;
		*code = 400;
		if (request->odf == NULL && request->opaque == NULL)
			return "a subscription needs a payload with Objects";
	}
	/* A node that ignores begin, end or a part would delete everything. */
	*code = 501;
	if (request->verb == QLM_DELETE && qlm_delete_is_partial(request))
		return "this node does not forward a delete with begin or end, or of a part of an Object or InfoItem";
	*code = 403;
	if (!may_ask(request))
		return psprintf("permission denied to send on a %s",
						qlm_verb_name(request->verb));
	*code = 504;
	return qlm_exchange_went_too_far(exchange) ? "loop" : NULL;
}

static QlmResult *
add_result_of(QlmRequest *response, const char *node, int code,
			  const char *description)
{
	QlmResult  *result = qlm_request_add_result(response, code, description);

	result->nodes = list_make1(unconstify(char *, node));
	return result;
}

/* Queues a copy for a node, and adds the stand-in for its answer. */
static void
ask_node(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
		 const char *node, QlmRequest *response)
{
	bool		polled = exchange->collection == 0 && !qlm_exchange_holds(exchange);
	int64		id;

	if (!qlm_exchange_may_queue(exchange, peer->peer_id))
	{
		add_result_of(response, node, 429, qlm_queue_surplus());
		return;
	}
	id = qlm_exchange_send_on(exchange, request, peer, node);

	if (polled)
		add_result_of(response, node, 200,
					  "sent on: poll this requestID for the answer");
	else
		add_result_of(response, node, 504, "the node did not answer in time");
	qlm_exchange_stand_in(exchange, response, list_length(response->results) - 1, id,
						  false);
}

bool
qlm_exchange_may_forward(QlmExchange *exchange, const QlmRequest *request)
{
	int			code;
	const char *problem = general_problem(exchange, request, &code);
	ListCell   *lc;

	if (problem == NULL)
		return true;
	foreach(lc, request->nodes)
		add_result_of(exchange->response, lfirst(lc), code, problem);
	return false;
}

static void
forward_to(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
		   const char *node, QlmRequest *response)
{
	if (peer == NULL)
		add_result_of(response, node, 403,
					  psprintf("\"%s\" is not a peer of this node", node));
	else if (++exchange->nforwarded > QLM_MAX_NODES)
		add_result_of(response, node, 413,
					  psprintf("a message is sent on at most %d times",
							   QLM_MAX_NODES));
	else if (is_subscription(request))
		qlm_remote_subscription_begin(exchange, request, qlm_peer_copy(peer), node, response);
	else
		ask_node(exchange, request, qlm_peer_copy(peer), node, response);
}

void
qlm_exchange_forward(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
					 const char *node, QlmRequest *response)
{
	int			code;
	const char *problem = general_problem(exchange, request, &code);

	if (problem)
		add_result_of(response, node, code, problem);
	else
		forward_to(exchange, request, peer, node, response);
}

void
qlm_verb_forward(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	ListCell   *lc;

	foreach(lc, request->nodes)
	{
		const char *node = lfirst(lc);

		forward_to(exchange, request, qlm_peer_by_node(node), node, response);
	}
}
