/*
 * http_server.c
 *		HTTP on libmicrohttpd in external epoll mode: when it runs, and how
 *		requests are taken, held and answered.
 *
 * A suspended connection does not time out and does not notice that its client
 * has left.  So each request taken from here must be answered in time, or
 * held: connections of held requests are watched for the end of their client.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "transport/http/http_response.h"
#include "transport/http/http_server.h"
#include "transport/net/epoll.h"
#include "transport/net/keepalive.h"
#include "transport/net/listen.h"

#define SLOWEST		4			/* bytes per ms that a client must read */
#define HURRY		1024		/* times that, if memory is short */
#define TIGHT_MS	100			/* between looks for clients to close */
#define MAX_PARTS	32			/* parts of a body read in a turn */

struct QlmHttpServer
{
	QlmHttpConnections connections;
	QlmListener listener;
	int			held;			/* epoll set of the held connections */
	int			nheld;
	TimestampTz next_sweep;
	TimestampTz last_run;
};

QlmHttpServer *
qlm_http_server_create(const QlmHttpOwner *owner)
{
	QlmHttpServer *server = MemoryContextAllocZero(owner->context, sizeof(QlmHttpServer));
	QlmHttpConnections *connections = &server->connections;

	connections->context = owner->context;
	connections->sources = owner->sources;
	connections->budget = owner->budget;
	connections->upgrade = owner->upgrade;
	qlm_listener_allow_files(qlm_max_connections);
	qlm_http_connections_start(connections);
	server->held = qlm_epoll_create();
	qlm_epoll_nest(owner->epoll, MHD_get_daemon_info(connections->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	qlm_epoll_nest(owner->epoll, server->held);
	qlm_listener_init(&server->listener, owner->epoll);
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

/* Informs a client with too many connections, if that does not block. */
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

/* The library closes a socket that it cannot take. */
static void
take_socket(void *arg, int fd, const struct sockaddr *address, socklen_t len)
{
	QlmHttpServer *server = arg;

	if (!qlm_source_set_admit(server->connections.sources, address))
		refuse_socket(fd);
	else if (MHD_add_connection(server->connections.daemon, qlm_keepalive(fd), address, len) != MHD_YES)
		elog(DEBUG1, "libmicrohttpd did not take a connection: %m");
}

/* Do answers that have not been sent take more than half of their limit? */
static bool
is_short_of_memory(const QlmHttpConnection *c)
{
	return c->set->budget->unsent >
		(Size) qlm_max_answer_size * QLM_MAX_LARGE_ANSWERS / 2;
}

/*
 * Returns the ms that a connection may stay in its state.  When memory is
 * short, clients that read large answers slowly have less time.
 */
static int
patience_with(const QlmHttpConnection *c)
{
	if (c->phase == QLM_PHASE_HEAD)
		return Min(qlm_header_timeout, qlm_request_timeout);
	if (c->phase == QLM_PHASE_IDLE)
		return qlm_keepalive_timeout;
	return qlm_request_timeout +
		(is_short_of_memory(c) ? c->extra_ms / HURRY : c->extra_ms);
}

/* A client that has begun a request gets an answer, as nothing was sent yet. */
static void
end_slow(QlmHttpConnection *c)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
		"Connection: close\r\nContent-Type: text/plain\r\n"
		"Content-Length: 76\r\n\r\n"
		"The request did not come in time (qlm.header_timeout, qlm.request_timeout).\n";
	int			fd = qlm_http_connection_fd(c);

	if (c->has_line &&
		(c->phase == QLM_PHASE_HEAD || c->phase == QLM_PHASE_READING))
		(void) send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void) shutdown(fd, SHUT_RDWR);
}

/*
 * Ends connections that take too long to send or to read, even if bytes still
 * move.  The library's own timeout counts from the last byte.  The library
 * reads a long body in parts, which may take longer than sending it.
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
	dlist_foreach(iter, &server->connections.all)
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
 * While this process was busy it has not read from its clients.  That time
 * does not count for them if it was longer than the timeout.  Setting the
 * library's timeout again makes it count from now.
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
	dlist_foreach(iter, &server->connections.all)
	{
		QlmHttpConnection *c = dlist_container(QlmHttpConnection, node, iter.cur);

		if (c->phase == QLM_PHASE_SOCKET)
			continue;
		c->since = Min(c->since + away, now);
		MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
		MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
								  server->connections.timeout);
	}
}

/*
 * The library reads each connection once in a run, as much as fits into its
 * buffer.  Without this a long body would take as many turns as it has parts.
 */
static void
read_on(QlmHttpServer *server)
{
	MHD_UNSIGNED_LONG_LONG due;

	for (int i = 0; i < MAX_PARTS && server->connections.nreading > 0; i++)
		if (MHD_get_timeout(server->connections.daemon, &due) != MHD_YES || due > 0 ||
			MHD_run(server->connections.daemon) != MHD_YES)
			break;
}

void
qlm_http_server_run(QlmHttpServer *server)
{
	int			runs = server->connections.has_answers ? 2 : 1;
	dlist_iter	iter;

	excuse_silence(server);

	dlist_foreach(iter, &server->connections.ready)
	{
		QlmHttpConnection *c = dlist_container(QlmHttpConnection, ready_node, iter.cur);

		if (!qlm_http_connection_is_old(c))
			break;
		qlm_http_connection_suspend(c);
	}
	qlm_listener_run(&server->listener, qlm_source_set_room(server->connections.sources),
					 take_socket, server);

	/* The first run asks for answers, the second one sends them. */
	for (server->connections.has_answers = false; runs > 0; runs--)
		if (MHD_run(server->connections.daemon) != MHD_YES)
			elog(LOG, "libmicrohttpd could not run");
	read_on(server);
	sweep(server);
}

int64
qlm_http_server_due(QlmHttpServer *server)
{
	MHD_UNSIGNED_LONG_LONG library;
	TimestampTz due = DT_NOEND;
	int64		after;

	if (!dlist_is_empty(&server->connections.ready))
		return 0;
	if (server->connections.n > 0)
		due = server->next_sweep;
	if (qlm_source_set_is_tight(server->connections.sources))
		due = Min(due, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TIGHT_MS));
	if (server->listener.accept_again != 0)
		due = Min(due, server->listener.accept_again);
	after = due == DT_NOEND ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
	if (MHD_get_timeout(server->connections.daemon, &library) == MHD_YES)
		after = after < 0 ? (int64) library : Min(after, (int64) library);
	return after;
}

int
qlm_http_server_waiting(const QlmHttpServer *server)
{
	return server->connections.admission.n;
}

static QlmHttpConnection *
first_ready(const QlmHttpServer *server)
{
	dlist_head *ready = &unconstify(QlmHttpServer *, server)->connections.ready;

	return dlist_is_empty(ready) ? NULL :
		dlist_container(QlmHttpConnection, ready_node, dlist_head_node(ready));
}

TimestampTz
qlm_http_server_first(const QlmHttpServer *server)
{
	const QlmHttpConnection *c = first_ready(server);

	return c ? c->incoming.request.received_at : DT_NOEND;
}

QlmHttpRequest *
qlm_http_server_next(QlmHttpServer *server)
{
	QlmHttpConnection *c = first_ready(server);

	if (c == NULL)
		return NULL;
	qlm_http_connection_unqueue(c);
	return &c->incoming.request;
}

static QlmHttpConnection *
connection_of(QlmHttpRequest *request)
{
	return (QlmHttpConnection *) request;
}

static QlmHttpServer *
server_of(const QlmHttpConnection *c)
{
	return (QlmHttpServer *) ((char *) c->set - offsetof(QlmHttpServer, connections));
}

void
qlm_http_server_hold(QlmHttpRequest *request, bool keep_body)
{
	QlmHttpConnection *c = connection_of(request);
	QlmHttpServer *server = server_of(c);
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};

	if (!keep_body)
		qlm_incoming_forget_body(&c->incoming);
	c->phase = QLM_PHASE_HELD;
	server->nheld++;
	qlm_http_connection_suspend(c);

	/* If it is not watched, it is only held for longer. */
	if (epoll_ctl(server->held, EPOLL_CTL_ADD, qlm_http_connection_fd(c), &event) != 0)
		elog(LOG, "could not watch a connection: %m");
}

static void
stop_holding(QlmHttpConnection *c)
{
	QlmHttpServer *server = server_of(c);

	if (c->phase != QLM_PHASE_HELD)
		return;
	(void) epoll_ctl(server->held, EPOLL_CTL_DEL, qlm_http_connection_fd(c), NULL);
	c->phase = QLM_PHASE_READY;
	server->nheld--;
}

void
qlm_http_server_requeue(QlmHttpRequest *request)
{
	QlmHttpConnection *c = connection_of(request);

	stop_holding(c);
	request->received_at = GetCurrentTimestamp();
	qlm_http_connection_queue(c);
}

QlmHttpRequest *
qlm_http_server_left(QlmHttpServer *server)
{
	struct epoll_event event;

	if (server->nheld == 0 || epoll_wait(server->held, &event, 1, 0) != 1)
		return NULL;
	return &((QlmHttpConnection *) event.data.ptr)->incoming.request;
}

void
qlm_http_server_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer)
{
	QlmHttpConnection *c = connection_of(request);

	stop_holding(c);
	/* Without a response the library closes the connection. */
	c->response = qlm_http_response_create(&c->incoming, answer, c->set->context,
										   qlm_admission_retry_after(&c->set->admission));
	c->status = answer->status;
	c->since = GetCurrentTimestamp();
	c->extra_ms = (int) (answer->body_len / SLOWEST);
	c->unsent = answer->body_len;
	c->set->budget->unsent += c->unsent;
	qlm_http_connection_resume(c);
}

void
qlm_http_server_upgrade(QlmHttpRequest *request)
{
	QlmHttpConnection *c = connection_of(request);

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
	qlm_admission_note(&server->connections.admission, n, elapsed, hung);
}

int
qlm_http_server_connections(const QlmHttpServer *server)
{
	return server->connections.n;
}

bool
qlm_http_server_is_sending(const QlmHttpServer *server)
{
	return server->connections.nsending > 0;
}

void
qlm_http_server_destroy(QlmHttpServer *server)
{
	MHD_stop_daemon(server->connections.daemon);
	qlm_listener_close(&server->listener);
	close(server->held);
	pfree(server->listener.address.data);
}
