/*
 * call_verb.c
 *		The call (protocol 6.3): runs the function registered for an InfoItem,
 *		or forwards the call to the peer that owns it.  Nothing is stored.
 */
#include "postgres.h"

#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "service/forward/forward.h"
#include "service/payload/tree.h"
#include "service/payload/verb_payload.h"
#include "service/verbs/call_verb.h"
#include "service/verbs/method.h"
#include "service/verbs/method_run.h"

typedef struct Calling
{
	QlmExchange *exchange;
	const QlmRequest *request;
	QlmRequest *response;
	QlmResult  *success;		/* the result of all that succeeded; NULL: none yet */
} Calling;

/* The description of a failure begins with the path. */
static void
add_failure(Calling *calling, const char *path, int code, const char *why)
{
	QlmResult  *result = qlm_request_add_result(calling->response, code, why);
	QlmInfoItem *item;

	result->odf = qlm_tree_from_item(path, &item);
}

static void
add_success(Calling *calling, QlmOdf *odf)
{
	if (calling->success == NULL)
		calling->success = qlm_request_add_result(calling->response, 200, NULL);
	if (odf != NULL && calling->success->odf != NULL)
		qlm_tree_merge(calling->success->odf, odf);
	else if (odf != NULL)
		calling->success->odf = odf;
}

/* Forwards a call of this InfoItem alone. */
static void
ask_owner(Calling *calling, const QlmPeer *owner, const char *path,
		  const QlmInfoItem *item)
{
	QlmRequest	request = *calling->request;

	request.odf = qlm_method_payload(path, item);
	request.opaque = NULL;
	qlm_exchange_forward(calling->exchange, &request, owner, owner->name,
						 calling->response);
}

static void
call_item(const char *path, QlmInfoItem *item, void *arg)
{
	Calling    *calling = arg;
	QlmHandler	handler;
	const QlmPeer *owner;
	const char *problem;
	QlmOdf	   *odf;
	int			code;

	path = pstrdup(path);
	switch (qlm_method_find(path, "call", calling->exchange->peer, &handler, &owner,
							&code, &problem))
	{
		case QLM_METHOD_LOCAL:
			if (qlm_method_run(calling->exchange, &handler, path, item, true,
							   &odf, &code, &problem))
				add_success(calling, odf);
			else
				add_failure(calling, path, code, problem);
			break;
		case QLM_METHOD_OWNER:
			ask_owner(calling, owner, path, item);
			break;
		case QLM_METHOD_NONE:
		case QLM_METHOD_REFUSED:
			add_failure(calling, path, code, problem);
			break;
	}
}

void
qlm_verb_call(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	Calling		calling = {exchange, request, response, NULL};

	if (!qlm_verb_has_odf(request, response))
		return;
	if (request->odf->nitems == 0)
	{
		qlm_request_add_result(response, 400,
							   "a call must name InfoItems");
		return;
	}
	qlm_method_resolve(request->odf);
	qlm_tree_visit_items(request->odf, call_item, &calling);
}
