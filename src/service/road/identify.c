/*
 * identify.c
 *		Who is calling, and with whose rights (protocol 7.4.1).
 *
 * A credential counts first; names, callback URLs and written Objects only for
 * peers without one that this node does not call; the address never.  Who was found to be at the other end
 * of a WebSocket stays so for messages that do not say it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "service/road/guess.h"

/*
 * By what it writes, or answers.  What was refused may lack what every Object
 * has.
 */
static QlmPeer *
peer_by_payload(const QlmRequest *request)
{
	ListCell   *lc;

	if (request->error_code != 0)
		return NULL;
	if (request->verb == QLM_WRITE && request->odf)
		return qlm_peer_by_objects(request->odf);
	foreach(lc, request->results)
	{
		const QlmResult *result = lfirst(lc);
		QlmPeer    *peer = result->odf ?
			qlm_peer_by_objects(result->odf) : NULL;

		if (peer)
			return peer;
	}
	return NULL;
}

static QlmPeer *
peer_by_content(const QlmEnvelope *envelope)
{
	ListCell   *lc;

	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);
		QlmPeer    *peer = NULL;

		if (request->callback)
			peer = qlm_peer_by_url(request->callback);
		if (peer == NULL)
			peer = peer_by_payload(request);
		if (peer)
			return peer;
	}
	return NULL;
}

static QlmPeer *
peer_by_authorization(QlmCall *call, const char *authorization)
{
	const char *name = call->exchange->peer_name;
	QlmPeer    *peer = qlm_peer_by_known_credential(authorization);
	bool		is_new = peer == NULL;

	if (is_new)
	{
		if (qlm_guess_credential_waits(call, authorization))
			return NULL;
		peer = qlm_peer_by_credential(authorization);
	}
	if (peer == NULL || (name && strcmp(name, peer->name) != 0))
	{
		qlm_guess_credential_fails(call, authorization);
		return NULL;
	}
	if (is_new)
		qlm_guess_credential_fits(call, authorization);
	return peer;
}

/* The peer that a credential or a name claims; refuses the call if it lies. */
static QlmPeer *
claimed_peer(QlmCall *call, bool *claimed)
{
	const char *authorization = call->exchange->authorization;
	const char *name = call->exchange->peer_name;
	QlmPeer    *peer;

	if (authorization == NULL)
		authorization = call->request->authorization;
	*claimed = authorization != NULL || name != NULL;
	if (authorization)
		return peer_by_authorization(call, authorization);
	if (name == NULL || qlm_guess_name_waits(call, name))
		return NULL;
	peer = qlm_peer_by_name(name);
	if (peer == NULL || (!peer->claimable && !call->exchange->trusted_peer))
	{
		qlm_guess_name_fails(call, name);
		return NULL;
	}
	qlm_guess_name_fits(call, name);
	return peer;
}

static QlmPeer *
peer_of_connection(const QlmConnected *connected)
{
	QlmPeer    *peer = connected ? qlm_peer_by_id(connected->peer_id) : NULL;

	return peer && peer->claimable && peer->proof == connected->proof ? peer : NULL;
}

/* Tell the connection whose it is. */
static void
note_caller(QlmCall *call)
{
	QlmExchange *exchange = call->exchange;
	QlmConnected *caller;

	if (exchange->connection == NULL || call->done)
		return;
	caller = palloc0(sizeof(QlmConnected));
	caller->peer_id = call->peer->peer_id;
	caller->proof = call->peer->proof;
	if (!exchange->is_greeting)
		caller->dialect = qlm_dialect_to_text(&call->request->dialect);
	exchange->caller = caller;
}

/*
 * A peer that comes back is soon asked again what it has not answered: it may
 * never have had it.  One that owns Objects begins a session.
 */
static void
note_seen(QlmCall *call, QlmPeer *peer)
{
	bool		speaks = !call->exchange->is_greeting && call->exchange->discovery == NULL;
	bool		was_away = qlm_peer_seen(peer, speaks ? &call->request->dialect : NULL);

	call->connects = (was_away || call->exchange->is_greeting) && peer->npaths > 0;
	if (was_away)
		qlm_outbox_reconnected(peer->peer_id);
}

static void
become_anonymous(QlmCall *call)
{
	const char *name = qlm_anonymous_role;

	call->role = (name && *name) ? get_role_oid(name, true) : InvalidOid;
	if (!OidIsValid(call->role))
		qlm_guess_refuse(call);
}

void
qlm_call_identify(QlmCall *call)
{
	bool		claimed = false;
	QlmPeer    *peer = claimed_peer(call, &claimed);

	if (call->done)
		return;
	if (call->exchange->from_session && peer == NULL)
	{
		call->role = GetUserId();
		return;
	}
	if (!claimed)
		peer = peer_by_content(call->request);
	if (!claimed && peer == NULL)
		peer = peer_of_connection(call->exchange->connected);
	if (qlm_guess_ids_wait(call, peer))
		return;
	call->peer = qlm_peer_copy(peer);
	if (peer == NULL && call->exchange->is_greeting)
		return;					/* its messages will say */
	if (peer == NULL)
		become_anonymous(call);
	else
	{
		call->role = peer->role;
		if (!OidIsValid(call->role))
			qlm_guess_has_no_role(call, peer->name);
		note_seen(call, peer);
		if (call->request->acknowledge && !call->done && !XactReadOnly)
			qlm_call_acknowledges(call);
		note_caller(call);
	}
}

bool
qlm_call_begin_for_peer(QlmCall *call, QlmExchange *exchange, int peer_id)
{
	QlmPeer    *peer = qlm_peer_by_id(peer_id);

	if (peer == NULL || !OidIsValid(peer->role))
		return false;
	call->exchange = exchange;
	call->peer = qlm_peer_copy(peer);
	call->role = peer->role;
	call->alone = true;
	call->received_at = GetCurrentTimestamp();
	return true;
}
