/*
 * http_server.c
 *		HTTP on libmicrohttpd in external epoll mode: its turns, and who takes
 *		requests and answers them.
 *
 * A suspended connection neither times out nor notices that its client left;
 * who takes requests from here must answer each in time, or hold it: those
 * that are held are watched for the end of their clients.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/settings.h"
#include "transport/epoll.h"
#include "transport/http/http_connection.h"
#include "transport/http/http_response.h"
#include "transport/websocket/keepalive.h"

#define SLOWEST		4			/* bytes a ms that a client must take */
#define HURRY		1024		/* times that, where memory is short */
#define TIGHT_MS	100			/* between two looks for who may go */
#define MAX_PARTS	32			/* of a message, read before others have their turn */

QlmHttpServer *
qlm_http_server_create(void)
{
	QlmHttpServer *server = palloc0(sizeof(QlmHttpServer));

	server->context = AllocSetContextCreate(CurrentMemoryContext, "qlm http",
											ALLOCSET_DEFAULT_SIZES);
	dlist_init(&server->connections);
	dlist_init(&server->ready);
	server->sources = qlm_source_set_create(server->context);
	qlm_listener_allow_files(qlm_max_connections);
	qlm_http_connection_start_daemon(server);
	server->epoll = qlm_epoll_create();
	server->held = qlm_epoll_create();
	qlm_epoll_nest(server->epoll, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	qlm_epoll_nest(server->epoll, server->held);
	server->sockets = qlm_socket_set_create(server->context, server->sources,
											&server->budget);
	qlm_epoll_nest(server->epoll, qlm_socket_set_fd(server->sockets));
	qlm_listener_init(&server->listener, server->epoll);
	return server;
}

bool
qlm_http_server_listen(QlmHttpServer *server, const char *hosts, int port,
					   bool alone, StringInfo error)
{
	qlm_listener_allow_files(qlm_max_connections);
	return qlm_listener_open(&server->listener, hosts, port, alone, error);
}

const char *
qlm_http_server_address(const QlmHttpServer *server)
{
	return server->listener.address.data;
}

int
qlm_http_server_fd(const QlmHttpServer *server)
{
	return server->epoll;
}

/* Tell who has too many, if that is possible without waiting. */
static void
refuse_socket(int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
		"Retry-After: 5\r\nConnection: close\r\nContent-Type: text/plain\r\n"
		"Content-Length: 50\r\n\r\n"
		"There are too many connections from this address.\n";

	(void) send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void) shutdown(fd, SHUT_WR);
	close(fd);
}

/* The library closes what it cannot take. */
static void
take_socket(void *arg, int fd, const struct sockaddr *address, socklen_t len)
{
	QlmHttpServer *server = arg;

	if (!qlm_source_set_admit(server->sources, address))
		refuse_socket(fd);
	else if (MHD_add_connection(server->daemon, qlm_keepalive(fd), address, len) != MHD_YES)
		elog(DEBUG1, "libmicrohttpd did not take a connection: %m");
}

/* Do answers that have not left take more than half of what they may? */
static bool
is_short_of_memory(const QlmHttpServer *server)
{
	return qlm_http_server_unsent(server) >
		(Size) qlm_max_answer_size * QLM_MAX_LARGE_ANSWERS / 2;
}

/*
 * ms that a connection may be as it is.  Who takes a large answer slowly keeps
 * others from theirs when memory for them runs short.
 */
static int
patience_with(const QlmHttpConnection *c)
{
	if (c->phase == QLM_PHASE_HEAD)
		return Min(qlm_header_timeout, qlm_request_timeout);
	if (c->phase == QLM_PHASE_IDLE)
		return qlm_keepalive_timeout;
	return qlm_request_timeout +
		(is_short_of_memory(c->server) ? c->extra_ms / HURRY : c->extra_ms);
}

/* Who has begun a request is told; nothing has been sent on the connection yet. */
static void
end_slow(QlmHttpConnection *c)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
		"Connection: close\r\nContent-Type: text/plain\r\n"
		"Content-Length: 76\r\n\r\n"
		"The request did not come in time (qlm.header_timeout, qlm.request_timeout).\n";
	int			fd = qlm_http_connection_socket(c);

	if (c->has_line &&
		(c->phase == QLM_PHASE_HEAD || c->phase == QLM_PHASE_READING))
		(void) send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void) shutdown(fd, SHUT_RDWR);
}

/*
 * End what takes too long to arrive, or to be taken, be it a byte a minute; the
 * library's own timeout counts from the last byte.  It reads a part of a long
 * message at a time, which may take longer than sending it.
 */
static void
sweep(QlmHttpServer *server)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	if (now < server->next_sweep)
		return;
	server->next_sweep =
		TimestampTzPlusMilliseconds(now, Max(Min(qlm_header_timeout, qlm_request_timeout) / 8, 100));
	dlist_foreach(iter, &server->connections)
	{
		QlmHttpConnection *c = dlist_container(QlmHttpConnection, node, iter.cur);

		if (c->phase != QLM_PHASE_READY && c->phase != QLM_PHASE_HELD &&
			c->phase != QLM_PHASE_SOCKET &&
			TimestampDifferenceExceeds(c->since, now, patience_with(c)) &&
			!qlm_http_connection_has_unread(c))
			end_slow(c);
	}
}

/*
 * While this process was busy nobody has read what clients sent: that time is
 * not theirs, if it was longer than it ever waits for them.  For the library,
 * which ends who was silent for too long before it reads, a timeout that is set
 * anew begins anew.
 */
static void
excuse_silence(QlmHttpServer *server)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz away = now - server->last_run;
	dlist_iter	iter;

	server->last_run = now;
	if (away < (TimestampTz) Max(qlm_request_timeout / 4, 200) * 1000)
		return;
	dlist_foreach(iter, &server->connections)
	{
		QlmHttpConnection *c = dlist_container(QlmHttpConnection, node, iter.cur);

		if (c->phase == QLM_PHASE_SOCKET)
			continue;
		c->since = Min(c->since + away, now);
		MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
		MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
								  server->timeout);
	}
}

/*
 * The library reads each connection once when it runs, as much as fits into its
 * memory for it: a long message would otherwise take as many turns as it has
 * parts.
 */
static void
read_on(QlmHttpServer *server)
{
	MHD_UNSIGNED_LONG_LONG due;

	for (int i = 0; i < MAX_PARTS && server->nreading > 0; i++)
		if (MHD_get_timeout(server->daemon, &due) != MHD_YES || due > 0 ||
			MHD_run(server->daemon) != MHD_YES)
			break;
}

void
qlm_http_server_run(QlmHttpServer *server)
{
	int			runs = server->has_answers ? 2 : 1;
	dlist_iter	iter;

	excuse_silence(server);

	dlist_foreach(iter, &server->ready)
	{
		QlmHttpConnection *c = dlist_container(QlmHttpConnection, queue_node, iter.cur);

		if (!qlm_http_connection_is_old(c))
			break;
		qlm_http_connection_suspend(c);
	}
	qlm_listener_run(&server->listener, qlm_source_set_room(server->sources),
					 take_socket, server);

	/* It asks for answers when it runs first, and sends them the second time. */
	for (server->has_answers = false; runs > 0; runs--)
		if (MHD_run(server->daemon) != MHD_YES)
			elog(LOG, "libmicrohttpd could not run");
	read_on(server);
	qlm_socket_set_run(server->sockets);
	sweep(server);
}

int64
qlm_http_server_due(QlmHttpServer *server)
{
	MHD_UNSIGNED_LONG_LONG library;
	TimestampTz due = DT_NOEND;
	int64		sockets;
	int64		after;

	if (!dlist_is_empty(&server->ready))
		return 0;
	if (server->nconnections > 0)
		due = server->next_sweep;
	if (qlm_source_set_is_tight(server->sources))
		due = Min(due, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TIGHT_MS));
	if (server->listener.accept_again != 0)
		due = Min(due, server->listener.accept_again);
	after = due == DT_NOEND ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
	if (MHD_get_timeout(server->daemon, &library) == MHD_YES)
		after = after < 0 ? (int64) library : Min(after, (int64) library);
	sockets = qlm_socket_set_due(server->sockets);
	if (sockets >= 0)
		after = after < 0 ? sockets : Min(after, sockets);
	return after;
}

int
qlm_http_server_waiting(const QlmHttpServer *server)
{
	return server->queue.n;
}

QlmHttpRequest *
qlm_http_server_next(QlmHttpServer *server)
{
	TimestampTz first = qlm_socket_set_first(server->sockets);
	QlmHttpConnection *c = NULL;

	if (!dlist_is_empty(&server->ready))
		c = dlist_container(QlmHttpConnection, queue_node,
							dlist_head_node(&server->ready));
	if (first != DT_NOEND && (c == NULL || first <= c->incoming.request.received_at))
		return qlm_socket_set_next(server->sockets);
	if (c == NULL)
		return NULL;
	qlm_http_connection_unqueue(c);
	return &c->incoming.request;
}

void
qlm_http_server_hold(QlmHttpRequest *request, bool keep_body)
{
	QlmHttpConnection *c = (QlmHttpConnection *) request;
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};

	if (request->socket)
	{
		qlm_socket_hold(request, keep_body);
		return;
	}
	if (!keep_body)
		qlm_incoming_forget_body(&c->incoming);
	c->phase = QLM_PHASE_HELD;
	qlm_http_connection_suspend(c);

	/* Unwatched it is merely held for longer. */
	if (epoll_ctl(c->server->held, EPOLL_CTL_ADD, qlm_http_connection_socket(c), &event) != 0)
		elog(LOG, "could not watch a connection: %m");
}

static void
stop_holding(QlmHttpConnection *c)
{
	if (c->phase != QLM_PHASE_HELD)
		return;
	(void) epoll_ctl(c->server->held, EPOLL_CTL_DEL, qlm_http_connection_socket(c), NULL);
	c->phase = QLM_PHASE_READY;
}

void
qlm_http_server_requeue(QlmHttpRequest *request)
{
	QlmHttpConnection *c = (QlmHttpConnection *) request;

	if (request->socket)
	{
		qlm_socket_requeue(request);
		return;
	}
	stop_holding(c);
	request->received_at = GetCurrentTimestamp();
	qlm_http_connection_queue(c);
}

QlmHttpRequest *
qlm_http_server_left(QlmHttpServer *server)
{
	struct epoll_event event;

	if (epoll_wait(server->held, &event, 1, 0) != 1)
		return qlm_socket_set_left(server->sockets);
	return &((QlmHttpConnection *) event.data.ptr)->incoming.request;
}

void
qlm_http_server_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer)
{
	QlmHttpConnection *c = (QlmHttpConnection *) request;

	if (request->socket)
	{
		qlm_socket_answer(request, answer);
		return;
	}
	stop_holding(c);
	/* Without a response the library closes the connection. */
	c->response = qlm_http_response_create(&c->incoming, answer, c->server->context,
										   qlm_queue_retry_after(&c->server->queue));
	c->status = answer->status;
	c->since = GetCurrentTimestamp();
	c->extra_ms = (int) (answer->body_len / SLOWEST);
	c->unsent = answer->body_len;
	c->server->unsent += c->unsent;
	qlm_http_connection_resume(c);
}

void
qlm_http_server_upgrade(QlmHttpRequest *request)
{
	QlmHttpConnection *c = (QlmHttpConnection *) request;

	c->response = qlm_http_connection_upgrade(c);
	c->status = MHD_HTTP_SWITCHING_PROTOCOLS;
	qlm_http_connection_resume(c);
}

bool
qlm_http_server_is_shared(const QlmHttpRequest *request)
{
	const QlmIncoming *incoming = (const QlmIncoming *) request;

	return incoming->origin == QLM_ORIGIN_ANY ||
		incoming->origin == QLM_ORIGIN_LISTED;
}

void
qlm_http_server_note_pace(QlmHttpServer *server, int n, int64 elapsed, bool hung)
{
	qlm_queue_note(&server->queue, n, elapsed, hung);
}

int
qlm_http_server_connections(const QlmHttpServer *server)
{
	return server->nconnections + qlm_socket_set_count(server->sockets);
}

Size
qlm_http_server_unsent(const QlmHttpServer *server)
{
	return server->unsent + qlm_socket_set_unsent(server->sockets);
}

bool
qlm_http_server_is_sending(const QlmHttpServer *server)
{
	return server->nsending > 0 || qlm_socket_set_count(server->sockets) > 0;
}

void
qlm_http_server_end_sockets(QlmHttpServer *server)
{
	qlm_socket_set_end(server->sockets);
}

struct QlmWebSocket *
qlm_http_server_socket_news(QlmHttpServer *server, bool *ended)
{
	return qlm_socket_set_news(server->sockets, ended);
}

void
qlm_http_server_destroy(QlmHttpServer *server)
{
	qlm_socket_set_destroy(server->sockets);
	MHD_stop_daemon(server->daemon);
	qlm_listener_close(&server->listener);
	close(server->held);
	close(server->epoll);
	MemoryContextDelete(server->context);
	pfree(server->listener.address.data);
	pfree(server);
}
