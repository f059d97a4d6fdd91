/*
 * read_device.c
 *		Reads with targetType="device": asks the function registered for
 *		reading, or the peer that owns the paths (protocol 8.2).
 *
 * The caller always gets the stored values, marked as targetType="node". If
 * the request cannot be held, they have a requestID by which the device's
 * answer can be polled.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/exchange/caller_limits.h"
#include "service/exchange/hops.h"
#include "service/forward/send_on.h"
#include "service/forward/stand_in.h"
#include "service/payload/tree.h"
#include "service/verbs/method.h"
#include "service/verbs/method_run.h"
#include "service/verbs/read_device.h"
#include "service/verbs/read_stored.h"
#include "storage/core/acl.h"

/*
 * Returns the peer that owns all that is read, or NULL if there is none or
 * several do.
 */
static const QlmPeer *
owner_of(const QlmOdf *odf)
{
	const char **paths;
	int			n = qlm_tree_leaves(odf, &paths);
	const QlmPeer *owner = NULL;

	for (int i = 0; i < n; i++)
	{
		const QlmPeer *peer = qlm_peer_by_path(paths[i]);

		if (peer == NULL || (owner && owner->peer_id != peer->peer_id))
			return NULL;
		owner = peer;
	}
	return qlm_peer_copy(owner);
}

/* May a peer be asked for this caller? */
static bool
can_ask(const QlmExchange *exchange)
{
	if (qlm_exchange_went_too_far(exchange) || exchange->nforwarded >= QLM_MAX_NODES)
		return false;

	/* The peer does not know the policies that hide data from the caller here. */
	return qlm_acl_may_select(QLM_REL_VALUE) && !qlm_acl_hides_data();
}

static void
mark(QlmRequest *response, int first)
{
	for (int i = first; i < list_length(response->results); i++)
		((QlmResult *) list_nth(response->results, i))->target_type = "node";
}

/* The functions for the InfoItems that are read */
typedef struct Readers
{
	const QlmExchange *exchange;
	int			n;				/* InfoItems with a function */
	bool		failed;
	QlmOdf	   *odf;			/* what they have returned */
} Readers;

static void
count_reader(const char *path, QlmInfoItem *item, void *arg)
{
	Readers    *readers = arg;
	QlmHandler	handler;
	const QlmPeer *owner;
	const char *problem;
	int			code;

	if (qlm_method_find(path, "read", readers->exchange->peer, &handler, &owner,
						&code, &problem) == QLM_METHOD_LOCAL)
		readers->n++;
}

/* A value without a time is of now. */
static void
set_time(const char *path, QlmInfoItem *item, void *arg)
{
	for (QlmValue *value = item->values; value; value = value->next)
		if (!value->has_ts)
		{
			value->has_ts = true;
			value->ts = GetCurrentTimestamp();
		}
}

static void
run_reader(const char *path, QlmInfoItem *item, void *arg)
{
	Readers    *readers = arg;
	QlmHandler	handler;
	const QlmPeer *owner;
	const char *problem;
	QlmOdf	   *odf;
	int			code;

	path = pstrdup(path);
	if (readers->failed ||
		qlm_method_find(path, "read", readers->exchange->peer, &handler, &owner,
						&code, &problem) != QLM_METHOD_LOCAL ||
		!qlm_method_run(readers->exchange, &handler, path, item, false, &odf, &code, &problem) ||
		odf == NULL || odf->nvalues == 0)
		readers->failed = true;
	else if (readers->odf)
		qlm_tree_merge(readers->odf, odf);
	else
		readers->odf = odf;
}

/* A device can only be asked for its current values. */
static bool
is_about_now(const QlmRequest *request)
{
	return request->newest == 0 && request->oldest == 0 && !request->all &&
		!request->has_begin && !request->has_end;
}

/*
 * If there are functions for all InfoItems, returns true and what they return
 * in *odf, which may be NULL.
 */
static bool
read_by_handlers(const QlmExchange *exchange, const QlmRequest *request, QlmOdf **odf)
{
	Readers		readers = {exchange};
	const char **leaves;

	if (!is_about_now(request))
		return false;
	qlm_tree_visit_items(request->odf, count_reader, &readers);
	if (readers.n == 0 || readers.n != qlm_tree_leaves(request->odf, &leaves))
		return false;
	qlm_tree_visit_items(request->odf, run_reader, &readers);
	*odf = readers.failed ? NULL : readers.odf;
	if (*odf)
		qlm_tree_visit_items(*odf, set_time, NULL);
	return true;
}

/* Adds the stored values to the answer. */
static void
add_stored(const QlmRequest *request, QlmRequest *response)
{
	int			first = list_length(response->results);

	if (!qlm_read_stored(request, response))
	{
		response->results = list_truncate(response->results, first);
		qlm_request_add_result(response, 504,
							   "the device did not answer, and nothing of it is stored");
	}
	mark(response, first);
}

bool
qlm_read_device(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	const QlmPeer *owner;
	int			first = list_length(response->results);
	QlmOdf	   *odf;
	int64		id;

	if (read_by_handlers(exchange, request, &odf))
	{
		if (odf)
		{
			QlmResult  *result = qlm_request_add_result(response, 200, NULL);

			result->odf = odf;
			result->target_type = "device";
		}
		else
			add_stored(request, response);
		return true;
	}
	owner = owner_of(request->odf);
	if (owner == NULL || (exchange->peer && exchange->peer->peer_id == owner->peer_id))
		return false;
	add_stored(request, response);
	if (can_ask(exchange) && qlm_exchange_may_queue(exchange, owner->peer_id))
	{
		exchange->nforwarded++;
		id = qlm_exchange_send_on(exchange, request, owner, NULL);
		qlm_exchange_stand_in(exchange, response, first, id, true);
	}
	return true;
}
