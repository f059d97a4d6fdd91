/*
 * identify.c
 *		Finds out who is calling, and with whose rights (protocol 7.4.1).
 *
 * A credential counts first.  Names, callback URLs and written Objects count
 * only for peers that have no credential and that this node does not call.
 * The address never counts.  Once the peer at the other end of a WebSocket is
 * known, it stays known for envelopes that do not name it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "service/exchange/guess.h"
#include "service/road/identify.h"
#include "service/verbs/response_verb.h"
#include "storage/outbox/outbox_nest.h"
#include "storage/peer/peer_note.h"
#include "storage/role/role.h"

/*
 * Finds the peer by the Objects that it writes or answers with.  In a request
 * with an error payloads may be incomplete, e.g. Objects without an id.
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
peer_by_authorization(QlmExchange *exchange, const char *authorization)
{
	const char *name = exchange->job->peer_name;
	QlmPeer    *peer = qlm_peer_by_known_credential(authorization);
	bool		is_new = peer == NULL;

	if (is_new)
	{
		if (qlm_guess_credential_waits(exchange, authorization))
			return NULL;
		peer = qlm_peer_by_credential(authorization);
	}
	if (peer == NULL || (name && strcmp(name, peer->name) != 0))
	{
		qlm_guess_credential_fails(exchange, authorization);
		return NULL;
	}
	if (is_new)
		qlm_guess_credential_fits(exchange, authorization);
	return peer;
}

/*
 * Returns the peer that a credential or a name claims.  A false claim refuses
 * the exchange.
 */
static QlmPeer *
claimed_peer(QlmExchange *exchange, bool *claimed)
{
	const char *authorization = exchange->job->authorization;
	const char *name = exchange->job->peer_name;
	QlmPeer    *peer;

	if (authorization == NULL)
		authorization = exchange->request->authorization;
	*claimed = authorization != NULL || name != NULL;
	if (authorization)
		return peer_by_authorization(exchange, authorization);
	if (name == NULL || qlm_guess_name_waits(exchange, name))
		return NULL;
	peer = qlm_peer_by_name(name);
	if (peer == NULL || (!peer->claimable && !exchange->job->trusted_peer))
	{
		qlm_guess_name_fails(exchange, name);
		return NULL;
	}
	qlm_guess_name_fits(exchange, name);
	return peer;
}

static QlmPeer *
peer_of_connection(const QlmConnected *connected)
{
	QlmPeer    *peer = connected ? qlm_peer_by_id(connected->peer_id) : NULL;

	return peer && peer->claimable && peer->proof == connected->proof ? peer : NULL;
}

/* Tells the transport which peer the connection belongs to. */
static void
note_caller(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;
	QlmConnected *caller;

	if (job->connection == NULL || exchange->phase != QLM_PHASE_BEGUN)
		return;
	caller = palloc0(sizeof(QlmConnected));
	caller->peer_id = exchange->peer->peer_id;
	caller->proof = exchange->peer->proof;
	if (job->kind != QLM_JOB_GREETING)
		caller->dialect = qlm_dialect_to_text(&exchange->request->dialect);
	job->caller = caller;
}

/*
 * When a peer comes back, the requests that it has not answered are due again,
 * as it may never have received them.  If it owns Objects, its coming is an
 * event for subscribers (protocol 4.7).
 */
static void
note_seen(QlmExchange *exchange, QlmPeer *peer)
{
	QlmJobKind	kind = exchange->job->kind;
	bool		was_away = qlm_peer_seen(peer, kind == QLM_JOB_MESSAGE ?
										 &exchange->request->dialect : NULL);

	exchange->connects = (was_away || kind == QLM_JOB_GREETING) && peer->npaths > 0;
	if (was_away)
		qlm_nest_reconnected(peer->peer_id);
}

static void
become_anonymous(QlmExchange *exchange)
{
	const char *name = qlm_anonymous_role;

	exchange->role = (name && *name) ? get_role_oid(name, true) : InvalidOid;
	if (!OidIsValid(exchange->role))
		qlm_guess_refuse(exchange);
}

void
qlm_exchange_identify(QlmExchange *exchange)
{
	bool		claimed = false;
	QlmPeer    *peer = claimed_peer(exchange, &claimed);

	if (exchange->phase != QLM_PHASE_BEGUN)
		return;
	if (exchange->job->from_session && peer == NULL)
	{
		exchange->role = GetUserId();
		return;
	}
	if (!claimed)
		peer = peer_by_content(exchange->request);
	if (!claimed && peer == NULL)
		peer = peer_of_connection(exchange->job->connected);
	if (qlm_guess_ids_wait(exchange, peer))
		return;
	exchange->peer = qlm_peer_copy(peer);
	if (peer == NULL && exchange->job->kind == QLM_JOB_GREETING)
		return;					/* its envelopes will say */
	if (peer == NULL)
		become_anonymous(exchange);
	else
	{
		exchange->role = peer->role;
		if (!OidIsValid(exchange->role))
			qlm_guess_has_no_role(exchange, peer->name);
		note_seen(exchange, peer);
		if (exchange->request->acknowledge && exchange->phase == QLM_PHASE_BEGUN &&
			!XactReadOnly)
			qlm_exchange_acknowledges(exchange);
		note_caller(exchange);
	}
}
