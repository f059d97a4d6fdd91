/*
 * web_server.c
 *		HTTP and WebSockets of a node as one server: requests of both in order
 *		of arrival.
 *
 * Each connection begins with HTTP. After an upgrade it is handed over to the
 * set of WebSockets; that is the only thing that passes from one to the other.
 */
#include "postgres.h"

#include <unistd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/server_settings.h"
#include "transport/http/http_server.h"
#include "transport/net/epoll.h"
#include "transport/web_server.h"
#include "transport/websocket/websocket.h"
#include "transport/websocket/websocket_set.h"

struct QlmWebServer
{
	MemoryContext context;
	int			epoll;			/* contains the descriptors of both */
	QlmBodyBudget budget;
	QlmHttpServer *http;
	QlmWebSocketSet *sockets;
};

static bool
take_socket(void *owner, int fd, const QlmHttpRequest *request, const char *early,
			Size len, QlmGuest *guest)
{
	return qlm_websocket_set_add(((QlmWebServer *) owner)->sockets, fd, request,
								 early, len, guest);
}

QlmWebServer *
qlm_web_server_create(void)
{
	QlmWebServer *server = palloc0(sizeof(QlmWebServer));
	QlmHttpOwner owner = {.upgrade = {server, take_socket}};

	server->context = AllocSetContextCreate(CurrentMemoryContext, "qlm http",
											ALLOCSET_DEFAULT_SIZES);
	server->epoll = qlm_epoll_create();
	owner.context = server->context;
	owner.epoll = server->epoll;
	owner.sources = qlm_source_set_create(server->context);
	owner.budget = &server->budget;
	server->http = qlm_http_server_create(&owner);
	server->sockets = qlm_websocket_set_create(server->context, owner.sources,
											   &server->budget);
	qlm_epoll_nest(server->epoll, qlm_websocket_set_fd(server->sockets));
	return server;
}

bool
qlm_web_server_listen(QlmWebServer *server, const char *hosts, int port,
					  bool alone, StringInfo error)
{
	return qlm_http_server_listen(server->http, hosts, port, alone, error);
}

const char *
qlm_web_server_address(const QlmWebServer *server)
{
	return qlm_http_server_address(server->http);
}

int
qlm_web_server_fd(const QlmWebServer *server)
{
	return server->epoll;
}

int64
qlm_web_server_due(QlmWebServer *server)
{
	int64		http = qlm_http_server_due(server->http);
	int64		sockets = qlm_websocket_set_due(server->sockets);

	return http < 0 ? sockets : sockets < 0 ? http : Min(http, sockets);
}

void
qlm_web_server_run(QlmWebServer *server)
{
	qlm_http_server_run(server->http);
	qlm_websocket_set_run(server->sockets);
}

int
qlm_web_server_waiting(const QlmWebServer *server)
{
	return qlm_http_server_waiting(server->http);
}

QlmHttpRequest *
qlm_web_server_next(QlmWebServer *server)
{
	TimestampTz socket = qlm_websocket_set_first(server->sockets);

	if (socket != DT_NOEND && socket <= qlm_http_server_first(server->http))
		return qlm_websocket_set_next(server->sockets);
	return qlm_http_server_next(server->http);
}

void
qlm_web_server_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer)
{
	if (request->socket)
		qlm_websocket_answer(request, answer);
	else
		qlm_http_server_answer(request, answer);
}

void
qlm_web_server_upgrade(QlmHttpRequest *request)
{
	qlm_http_server_upgrade(request);
}

bool
qlm_web_server_is_shared(const QlmHttpRequest *request)
{
	return qlm_http_server_is_shared(request);
}

int
qlm_web_server_time_left(const QlmHttpRequest *request)
{
	TimestampTz end = TimestampTzPlusMilliseconds(request->received_at,
												  qlm_request_timeout);

	return (int) TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
}

void
qlm_web_server_note_pace(QlmWebServer *server, int n, int64 elapsed, bool hung)
{
	qlm_http_server_note_pace(server->http, n, elapsed, hung);
}

void
qlm_web_server_hold(QlmHttpRequest *request, bool keep_body)
{
	if (request->socket)
		qlm_websocket_hold(request, keep_body);
	else
		qlm_http_server_hold(request, keep_body);
}

void
qlm_web_server_requeue(QlmHttpRequest *request)
{
	if (request->socket)
		qlm_websocket_requeue(request);
	else
		qlm_http_server_requeue(request);
}

QlmHttpRequest *
qlm_web_server_left(QlmWebServer *server)
{
	QlmHttpRequest *request = qlm_http_server_left(server->http);

	return request ? request : qlm_websocket_set_left(server->sockets);
}

QlmWebSocket *
qlm_web_server_news(QlmWebServer *server, bool *ended)
{
	return qlm_websocket_set_news(server->sockets, ended);
}

int
qlm_web_server_connections(const QlmWebServer *server)
{
	return qlm_http_server_connections(server->http) +
		qlm_websocket_set_count(server->sockets);
}

void
qlm_web_server_end_sockets(QlmWebServer *server)
{
	qlm_websocket_set_end(server->sockets);
}

Size
qlm_web_server_unsent(const QlmWebServer *server)
{
	return server->budget.unsent;
}

bool
qlm_web_server_is_sending(const QlmWebServer *server)
{
	return qlm_http_server_is_sending(server->http) ||
		qlm_websocket_set_count(server->sockets) > 0;
}

void
qlm_web_server_destroy(QlmWebServer *server)
{
	qlm_websocket_set_destroy(server->sockets);
	qlm_http_server_destroy(server->http);
	close(server->epoll);
	MemoryContextDelete(server->context);
	pfree(server);
}
