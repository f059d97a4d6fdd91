/*
 * probe.c
 *		One call to a peer from a session, for qlm_check_peer: how far does it
 *		get?
 *
 * It goes the way of all calls of this peer.  It asks for nothing, so nothing
 * can come that would be lost with the session.  Whoever may run it may change
 * the peer, and so could have it called anyway.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/client_settings.h"
#include "base/compat.h"
#include "message/parse/html.h"
#include "storage/core/plan.h"
#include "storage/outbox/endpoint.h"
#include "storage/peer/peer.h"
#include "transport/client/http_client.h"
#include "worker/dispatcher/withheld.h"

#define MAX_WORDS	120
#define COLUMNS		9

PG_FUNCTION_INFO_V1(qlm_sql_probe_peer);

/* Redirects are not followed, so only the peer's own URL is called. */
static bool
is_allowed(const struct sockaddr *address, const char *host, bool of_peer)
{
	return false;
}

/* Must do the same as in postings.c. */
static void
choose_proxy(QlmTransfer *transfer, const QlmEndpoint *endpoint)
{
	transfer->proxy_for_all = endpoint->proxy != NULL;
	transfer->proxy = endpoint->proxy ? endpoint->proxy : pstrdup(qlm_proxy);
}

static void
wait_for(QlmHttpClient *client, QlmTransfer *transfer)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = qlm_wait_event_id("QlmProbe");
	qlm_http_client_start(client, transfer);
	for (;;)
	{
		int64		due;

		CHECK_FOR_INTERRUPTS();
		qlm_http_client_run(client);
		if (qlm_http_client_next(client) == transfer)
			return;
		due = qlm_http_client_due(client);
		(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 qlm_http_client_fd(client),
								 due < 0 || due > 1000 ? 1000 : due, wait_event);
		ResetLatch(MyLatch);
	}
}

static void
probe(const QlmEndpoint *endpoint, int timeout_ms, QlmTransfer *transfer)
{
	QlmHttpClient *volatile client = NULL;

	memset(transfer, 0, sizeof(QlmTransfer));
	transfer->url = endpoint->url;
	transfer->body = "";
	transfer->form = endpoint->form;
	transfer->authorization = endpoint->authorization;
	transfer->timeout_ms = timeout_ms;
	transfer->any_address = true;
	choose_proxy(transfer, endpoint);
	PG_TRY();
	{
		client = qlm_http_client_create(is_allowed);
		wait_for(client, transfer);
	}
	PG_FINALLY();
	{
		if (client)
			qlm_http_client_free(client);
	}
	PG_END_TRY();
}

/*
 * Returns the peer's endpoint.  Its secrets are read with the rights of the
 * owner.
 */
static QlmEndpoint *
find_endpoint(const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	QlmEndpoint found = {.asker = ""};
	QlmEndpoint *endpoint;
	const QlmPeer *peer;

	qlm_storage_begin();
	peer = qlm_peer_by_name(name);
	if (peer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("peer \"%s\" does not exist", name)));
	if (!has_privs_of_role(GetUserId(), get_role_oid("qlm_admin", false)) ||
		(OidIsValid(peer->role) && !qlm_peer_may_act(peer->role)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("you may not call peer \"%s\"", name),
				 errhint("To check a peer you must be a member of qlm_admin, and of its role.")));
	if (qlm_withheld() != QLM_WITHHELD_NOT)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this node holds what would leave it, so peer \"%s\" is not called", name),
				 errhint("qlm.outgoing says so, or it is a copy: then qlm_adopt() says that it is the node.")));
	if (peer->url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" has no url", name)));
	found.peer_id = peer->peer_id;
	found.url = peer->url;
	(void) qlm_endpoint_look_up(&found);
	MemoryContextSwitchTo(caller);
	endpoint = qlm_endpoint_copy(&found);
	qlm_storage_end();
	return endpoint;
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL || *text == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * qlm.probe_peer(peer text, timeout_ms int) returns how far it got, the HTTP
 * status, the address, the proxy, ms for the name and for connecting, the
 * error, the target of a redirect, and the first words of the answer.
 */
Datum
qlm_sql_probe_peer(PG_FUNCTION_ARGS)
{
	static const char *const reached[] = {
		"nothing", "name", "connection", "proxy", "TLS", "sent", "answer"
	};
	QlmTransfer transfer;
	char		words[MAX_WORDS];
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "it returns a row");
	probe(find_endpoint(text_to_cstring(PG_GETARG_TEXT_PP(0))), Max(PG_GETARG_INT32(1), 1), &transfer);
	qlm_html_words(transfer.answer.data, transfer.answer.len, words, sizeof(words));
	values[0] = CStringGetTextDatum(reached[transfer.reach]);
	nulls[1] = transfer.status == 0;
	values[1] = Int32GetDatum(transfer.status);
	values[2] = text_or_null(transfer.address, &nulls[2]);
	values[3] = text_or_null(transfer.through, &nulls[3]);
	values[4] = Float8GetDatum(transfer.name_us / 1000.0);
	values[5] = Float8GetDatum(transfer.connect_us / 1000.0);
	values[6] = text_or_null(transfer.error, &nulls[6]);
	values[7] = text_or_null(transfer.location, &nulls[7]);
	values[8] = text_or_null(words, &nulls[8]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
