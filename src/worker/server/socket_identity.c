/*
 * socket_identity.c
 *		Identifies the peer of a WebSocket by its handshake.  If that is not
 *		possible, a later envelope may identify it.
 *
 * Each is identified in a transaction of its own, so that an error affects no
 * other.
 */
#include "postgres.h"

#include "service/road/entry.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/server/socket_identity.h"
#include "worker/server/url_route.h"

#define LIMIT_MS	10000

static void
run_greeting(void *arg)
{
	QlmJob	   *greeting = arg;

	if (qlm_worker_can_serve())
		qlm_jobs_run(&greeting, 1);
}

const QlmConnected *
qlm_socket_identity_find(const QlmWebSocket *socket, const char *name, bool has_waited,
				 int *pause_ms)
{
	QlmJob		greeting = {0};
	QlmHttpRequest request;
	char	   *message;

	*pause_ms = 0;
	qlm_websocket_describe(socket, &request);
	greeting.body = "";
	greeting.client = &request.client;
	greeting.has_waited = has_waited;
	greeting.connection = name;
	greeting.authorization = request.authorization;
	greeting.peer_name = qlm_url_route_find(&request).peer_name;
	greeting.kind = QLM_JOB_GREETING;
	if (greeting.authorization == NULL && greeting.peer_name == NULL)
		return NULL;
	if (qlm_transaction_run(run_greeting, &greeting, LIMIT_MS, &message) == QLM_VERDICT_DONE)
	{
		*pause_ms = greeting.pause_ms;
		return greeting.caller;
	}
	ereport(LOG, (errmsg("qlm could not identify the peer of a WebSocket: %s", message)));
	return NULL;
}
