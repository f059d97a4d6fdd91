/*
 * send_on.c
 *		A request sent on to another node: the copy of it that is queued, and the limits
 *		of that (protocol 8.1).
 *
 * Each copy says which nodes it came through, so that none goes in circles.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/forward/send_on.h"
#include "service/road/exchange.h"
#include "service/road/lifetime.h"
#include "service/road/limited.h"
#include "storage/outbox/outbox.h"
#include "storage/peer/peer.h"
#include "storage/peer/quota.h"

/* This node among others: a number that tells nothing of the cluster */
static const char *
own_id(void)
{
	uint64		seed[2] = {GetSystemIdentifier(), MyDatabaseId};

	return psprintf("%016llx", (unsigned long long)
					hash_bytes_extended((const unsigned char *) seed,
										sizeof(seed), 0));
}

bool
qlm_exchange_has_been_here(const QlmExchange *exchange)
{
	const char *hops = exchange->request->hops;

	return hops && strstr(hops, own_id()) != NULL;
}

static int
count_hops(const char *hops)
{
	int			n = hops && *hops ? 1 : 0;

	for (; hops && *hops; hops++)
		n += *hops == ',';
	return n;
}

bool
qlm_exchange_went_too_far(const QlmExchange *exchange)
{
	return count_hops(exchange->request->hops) >= QLM_MAX_HOPS;
}

/*
 * A node further down gives up before those that wait for it do: their
 * connections to it must not time out first, or they would ask again.
 */
TimestampTz
qlm_exchange_held_until(const QlmExchange *exchange)
{
	double		seconds = QLM_MAX_FORWARD_WAIT /
		(double) (1 + Min(count_hops(exchange->request->hops), QLM_MAX_HOPS));

	if (exchange->request->ttl > 0)
		seconds = Min(seconds, exchange->request->ttl);
	if (exchange->job->prefer_wait > 0)
		seconds = Min(seconds, exchange->job->prefer_wait);
	return exchange->received_at + (TimestampTz) (seconds * USECS_PER_SEC);
}

/* Until when may an answer come?  With ttl 0 only while the caller waits. */
TimestampTz
qlm_exchange_answered_until(const QlmExchange *exchange)
{
	return exchange->request->ttl == 0 ?
		exchange->received_at + (TimestampTz) QLM_MAX_FORWARD_WAIT * USECS_PER_SEC :
		qlm_ttl_end(exchange->received_at, exchange->request->ttl);
}

bool
qlm_exchange_may_queue(QlmExchange *exchange, int peer_id)
{
	if (!qlm_is_limited(exchange->role, exchange->job->from_session))
		return true;
	if (!exchange->room_known)
		exchange->room = qlm_quota_asked(exchange->peer ? exchange->peer->peer_id : 0,
										 exchange->role);
	exchange->room_known = true;
	if (exchange->room <= 0 || (peer_id != 0 && qlm_quota_waiting(peer_id) <= 0))
		return false;
	exchange->room--;
	return true;
}

const char *
qlm_queue_surplus(void)
{
	return psprintf("%d messages wait already, and no more are allowed",
					qlm_max_queued);
}

int64
qlm_exchange_queue(const QlmExchange *exchange, const QlmRequest *request,
				   QlmOutboxRow *message)
{
	QlmEnvelope *envelope = qlm_envelope_create(&exchange->request->dialect,
												exchange->request->ttl);
	QlmRequest	copy = *request;
	const char *hops = exchange->request->hops;
	StringInfoData text;

	copy.nodes = NIL;
	envelope->hops = hops && *hops ? psprintf("%s,%s", hops, own_id()) : own_id();
	envelope->requests = list_make1(&copy);
	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	message->envelope = text.data;
	message->created_at = exchange->received_at;
	return qlm_outbox_add(message);
}

int64
qlm_exchange_send_on(QlmExchange *exchange, const QlmRequest *request, const QlmPeer *peer,
					 const char *node)
{
	QlmRequest	copy = *request;
	QlmOutboxRow	message = {0};

	copy.callback = NULL;
	message.peer_id = peer->peer_id;
	message.peer = peer->name;
	message.expires_at = node == NULL && qlm_exchange_holds(exchange) ?
		qlm_exchange_held_until(exchange) : qlm_exchange_answered_until(exchange);
	message.asker_role = exchange->role;
	message.asker_peer_id = exchange->peer ? exchange->peer->peer_id : 0;
	message.asker_peer = exchange->peer ? exchange->peer->name : NULL;
	message.node = node;
	message.awaited_by = exchange->collection;
	exchange->ncollected++;
	return qlm_exchange_queue(exchange, &copy, &message);
}

bool
qlm_exchange_holds(const QlmExchange *exchange)
{
	return exchange->job->may_hold && exchange->collection == 0;
}
