/*
 * device.c
 *		Reads with targetType="device": asks the peer that owns the paths
 *		(protocol 8.2).
 *
 * Whatever happens to that, the caller has what it would have without: the
 * values stored here, marked as targetType="node".
 */
#include "postgres.h"

#include "base/limits.h"
#include "service/call.h"
#include "service/tree.h"
#include "storage/catalog.h"

/* The one peer that owns all that is read; NULL: none, or several do */
static const char *
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
	return owner ? pstrdup(owner->name) : NULL;
}

/* Can a peer be asked, for this caller and now? */
static bool
can_ask(const QlmCall *call, const QlmRequest *response)
{
	if (response != call->response || !call->exchange->may_hold ||
		qlm_call_went_too_far(call) || call->nforwarded >= QLM_MAX_NODES)
		return false;

	/* Nothing would keep from the caller what policies hide from it here. */
	return qlm_rights_may_select(QLM_REL_VALUE) && !qlm_rights_are_filtered();
}

static void
mark(QlmRequest *response, int first)
{
	for (int i = first; i < list_length(response->results); i++)
		((QlmResult *) list_nth(response->results, i))->target_type = "node";
}

bool
qlm_read_device(QlmCall *call, const QlmRequest *request, QlmRequest *response)
{
	const char *owner = owner_of(request->odf);
	int			first = list_length(response->results);
	int64		id;

	if (owner == NULL || (call->peer && strcmp(call->peer->name, owner) == 0))
		return false;
	if (!qlm_read_stored(request, response))
	{
		response->results = list_truncate(response->results, first);
		qlm_request_add_result(response, 504,
							   "the device did not answer, and nothing of it is stored");
	}
	mark(response, first);
	if (can_ask(call, response))
	{
		call->nforwarded++;
		id = qlm_call_send_on(call, request, owner, NULL);
		qlm_call_await(call, id, list_length(response->results) - first, true);
	}
	return true;
}
