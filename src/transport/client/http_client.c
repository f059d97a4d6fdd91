/*
 * http_client.c
 *		Many HTTP requests at once, on libcurl's multi interface.
 *
 * Transfers on WebSockets are in client_socket_set.c.
 */
#include "postgres.h"

#include <unistd.h>

#include "utils/memutils.h"

#include "base/url.h"
#include "transport/client/client_socket_set.h"
#include "transport/client/curl_multi.h"
#include "transport/client/http_client.h"
#include "transport/client/http_operation.h"
#include "transport/client/http_redirect.h"
#include "transport/net/epoll.h"

#define MAX_IDLE_CONNECTIONS	64
#define MAX_IDLE_OPERATIONS 16	/* each has buffers of libcurl */
#define MAX_ROUNDS			8		/* in a turn */

struct QlmHttpClient
{
	MemoryContext context;
	int			epoll;			/* contains those of both interfaces */
	QlmCurlMulti multi;
	QlmClientSocketSet *sockets;
	QlmAddressCheck allowed;
	dlist_head	running;
	dlist_head	finished;
	dlist_head	idle;
	int			nrunning;		/* with finished ones */
	int			nidle;
};

QlmHttpClient *
qlm_http_client_create(QlmAddressCheck allowed)
{
	QlmHttpClient *client = palloc0(sizeof(QlmHttpClient));

	qlm_curl_start();
	client->context = CurrentMemoryContext;
	client->allowed = allowed;
	dlist_init(&client->running);
	dlist_init(&client->finished);
	dlist_init(&client->idle);
	client->epoll = qlm_epoll_create();
	client->sockets = qlm_client_sockets_create(client->context, allowed);
	qlm_epoll_nest(client->epoll, qlm_client_sockets_fd(client->sockets));
	if (!qlm_curl_multi_init(&client->multi, qlm_epoll_create()))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errdetail("libcurl could not be started.")));
	qlm_epoll_nest(client->epoll, client->multi.epoll);
	curl_multi_setopt(client->multi.handle, CURLMOPT_MAXCONNECTS,
					  (long) MAX_IDLE_CONNECTIONS);
	return client;
}

static void
remove_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	if (op->added)
		qlm_curl_multi_remove(&client->multi, op->easy);
	op->added = false;
}

static void
free_operations(QlmHttpClient *client, dlist_head *list)
{
	while (!dlist_is_empty(list))
	{
		QlmHttpOperation *op = dlist_container(QlmHttpOperation, node, dlist_pop_head_node(list));

		remove_operation(client, op);
		qlm_http_operation_free(op);
	}
}

/* Frees its transfers, too. */
void
qlm_http_client_free(QlmHttpClient *client)
{
	free_operations(client, &client->running);
	free_operations(client, &client->finished);
	free_operations(client, &client->idle);
	qlm_curl_multi_free(&client->multi);
	close(client->multi.epoll);
	qlm_client_sockets_free(client->sockets);
	close(client->epoll);
	pfree(client);
}

int
qlm_http_client_fd(const QlmHttpClient *client)
{
	return client->epoll;
}

static QlmHttpOperation *
take_operation(QlmHttpClient *client)
{
	if (dlist_is_empty(&client->idle))
		return qlm_http_operation_create(client->context, client->allowed);
	client->nidle--;
	return dlist_container(QlmHttpOperation, node,
						   dlist_pop_head_node(&client->idle));
}

static void
release_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	client->nrunning--;
	if (op->easy == NULL || client->nidle >= MAX_IDLE_OPERATIONS)
	{
		qlm_http_operation_free(op);
		return;
	}
	qlm_http_operation_clear(op);
	dlist_push_head(&client->idle, &op->node);
	client->nidle++;
}

static bool
add_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	op->added = qlm_curl_multi_add(&client->multi, op->easy);
	return op->added;
}

void
qlm_http_client_start(QlmHttpClient *client, QlmTransfer *transfer)
{
	QlmHttpOperation *op;
	const char *error;

	qlm_transfer_begin(transfer, client->context);
	if (qlm_url_is_socket(transfer->url))
	{
		qlm_client_sockets_start(client->sockets, transfer);
		return;
	}

	op = take_operation(client);
	client->nrunning++;
	if (qlm_http_operation_prepare(op, transfer, &error) &&
		add_operation(client, op))
		dlist_push_tail(&client->running, &op->node);
	else
	{
		qlm_transfer_set_error(transfer, error);
		dlist_push_tail(&client->finished, &op->node);
	}
}

static void
collect_results(QlmHttpClient *client)
{
	CURL	   *easy;
	CURLcode	code;

	while ((easy = qlm_curl_multi_next(&client->multi, &code)) != NULL)
	{
		QlmHttpOperation *op = NULL;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &op);
		qlm_http_operation_finish(op, code);
		remove_operation(client, op);
		dlist_delete(&op->node);
		if (qlm_http_redirect(op) && add_operation(client, op))
			dlist_push_tail(&client->running, &op->node);
		else
			dlist_push_tail(&client->finished, &op->node);
	}
}

void
qlm_http_client_run(QlmHttpClient *client)
{
	qlm_curl_multi_run(&client->multi, MAX_ROUNDS);
	collect_results(client);
	qlm_client_sockets_run(client->sockets);
}

QlmTransfer *
qlm_http_client_next(QlmHttpClient *client)
{
	QlmHttpOperation *op;
	QlmTransfer *transfer;

	if (dlist_is_empty(&client->finished))
		return qlm_client_sockets_next(client->sockets);
	op = dlist_container(QlmHttpOperation, node,
						 dlist_pop_head_node(&client->finished));
	transfer = op->transfer;
	release_operation(client, op);
	return transfer;
}

static QlmHttpOperation *
find_operation(dlist_head *list, const QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, list)
	{
		QlmHttpOperation *op = dlist_container(QlmHttpOperation, node, iter.cur);

		if (op->transfer == transfer)
			return op;
	}
	return NULL;
}

void
qlm_http_client_cancel(QlmHttpClient *client, QlmTransfer *transfer)
{
	QlmHttpOperation *op = find_operation(&client->running, transfer);

	if (op == NULL)
		op = find_operation(&client->finished, transfer);
	if (op == NULL)
	{
		(void) qlm_client_sockets_cancel(client->sockets, transfer);
		return;
	}
	remove_operation(client, op);
	dlist_delete(&op->node);
	release_operation(client, op);
}

int64
qlm_http_client_due(const QlmHttpClient *client)
{
	int64		sockets = qlm_client_sockets_due(client->sockets);
	int64		http = qlm_curl_multi_due(&client->multi);

	if (!dlist_is_empty(&unconstify(QlmHttpClient *, client)->finished))
		return 0;
	return http < 0 ? sockets : sockets < 0 ? http : Min(http, sockets);
}

int
qlm_http_client_running(const QlmHttpClient *client)
{
	return client->nrunning + qlm_client_sockets_running(client->sockets);
}

List *
qlm_http_client_idle_sockets(const QlmHttpClient *client, int ms)
{
	return qlm_client_sockets_idle(client->sockets, ms);
}

void
qlm_http_client_close_sockets(QlmHttpClient *client, const List *urls)
{
	ListCell   *lc;

	foreach(lc, urls)
		qlm_client_sockets_close(client->sockets, lfirst(lc));
}
