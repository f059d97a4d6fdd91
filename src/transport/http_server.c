/*
 * http_server.c
 *		HTTP on libmicrohttpd in external epoll mode; only this file and
 *		http_response.c include the library.
 *
 * The library's callbacks only collect: a complete request is put in a queue.
 * Nothing in a callback may raise an error.  Everything else runs after the
 * library has returned.
 *
 * Most requests are answered at once, and the library asks for the answer when
 * it runs.  The connections of others are suspended: that and resuming costs
 * three system calls each time.
 *
 * A suspended connection neither times out nor notices that its client left;
 * who takes requests from here must answer each in time, or hold it: those
 * that are held are watched for the end of their clients.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <microhttpd.h>

#include "lib/ilist.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/settings.h"
#include "transport/epoll.h"
#include "transport/handshake.h"
#include "transport/http_response.h"
#include "transport/http_server.h"
#include "transport/incoming.h"
#include "transport/library.h"
#include "transport/listen.h"
#include "transport/queue.h"
#include "transport/socket_set.h"

#define SLOWEST		4			/* bytes a ms that a client must take */
#define MAX_PARTS	32			/* of a message, read before others have their turn */
#define LONG_MS		100			/* far less than the library's timeout */

/* For the heads of a request and its answer; the library clears it after each. */
#define HEAD_MEMORY	(16 * 1024)

typedef enum Phase
{
	PHASE_IDLE,					/* waits for a request */
	PHASE_READING,				/* has its headers */
	PHASE_READY,				/* complete: in the queue, or taken */
	PHASE_HELD,					/* taken, and answered some time */
	PHASE_ANSWERED,				/* the library is about to ask for the answer */
	PHASE_SENDING,
	PHASE_SOCKET				/* handed over */
} Phase;

typedef struct Connection
{
	QlmIncoming incoming;		/* first: requests are cast to connections */
	QlmHttpServer *server;
	struct MHD_Connection *mhd;
	Phase		phase;
	TimestampTz since;			/* start of IDLE, READING and SENDING */
	int			extra_ms;		/* that SENDING may take, for its size */
	dlist_node	node;			/* in server->connections */
	dlist_node	queue_node;		/* in server->ready */
	bool		is_queued;
	bool		is_suspended;
	struct MHD_Response *response;
	int			status;
	Size		unsent;			/* of the answer */
	char		socket_key[QLM_KEY_SIZE];	/* of who wants a WebSocket */
} Connection;

struct QlmHttpServer
{
	MemoryContext context;
	struct MHD_Daemon *daemon;
	int			epoll;			/* holds the library's and the listening ones */
	int			held;			/* in it: a set of the connections held */
	QlmListener listener;
	QlmSocketSet *sockets;
	dlist_head	connections;
	int			nconnections;
	dlist_head	ready;
	QlmQueue	queue;			/* how many those are, and may be */
	QlmBudget	budget;
	int			nreading;		/* whose message has not come completely */
	int			nsending;		/* answered and not yet gone */
	Size		unsent;			/* bytes of these */
	bool		has_answers;	/* that the library has not asked for */
	TimestampTz next_sweep;
	TimestampTz last_run;
	unsigned int timeout;		/* of the library, s: cannot be changed */
};

static int
socket_of(const Connection *c)
{
	return MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/*
 * A refusal by the transport itself.  The connection is closed after it,
 * unless the same may be sent again, which has come completely then.
 */
static enum MHD_Result
refuse(Connection *c, QlmRefusal refusal)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = qlm_http_response_refuse(&c->incoming, &refusal,
										!refusal.is_busy || c->phase != PHASE_READING,
										qlm_queue_retry_after(&c->server->queue));
	if (response == NULL)
		return MHD_NO;
	result = MHD_queue_response(c->mhd, refusal.status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
note_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
			const char *value, size_t len)
{
	if (value)
		qlm_incoming_header(cls, key, key_len, value, len);
	return MHD_YES;
}

/* The library is about to cut the URL to pieces. */
static void *
note_url(void *cls, const char *url, struct MHD_Connection *mhd)
{
	Connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	if (c)
		qlm_incoming_url(&c->incoming, url);
	return NULL;
}

static enum MHD_Result
find_upgrade(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
			 const char *value, size_t len)
{
	if (value && key_len == 10 && pg_strcasecmp(key, "Connection") == 0)
		*(bool *) cls |= qlm_handshake_has_token(value, "Upgrade");
	return MHD_YES;
}

static const char *
find_header(const Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

/* Does it ask for a WebSocket, and well? */
static QlmRefusal
check_upgrade(Connection *c, const QlmIncomingHead *head)
{
	static const QlmRefusal none = {0, NULL};
	QlmHttpRequest *request = &c->incoming.request;
	const char *upgrade = find_header(c, "Upgrade");
	const char *key;
	QlmRefusal	refusal;

	request->socket = NULL;
	request->wants_socket = false;
	if (upgrade == NULL || request->method != QLM_HTTP_GET ||
		strcmp(head->version, "HTTP/1.1") != 0 ||
		!qlm_handshake_has_token(upgrade, "websocket"))
		return none;
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, find_upgrade,
								&request->wants_socket);
	if (!request->wants_socket)
		return none;
	key = find_header(c, "Sec-WebSocket-Key");
	refusal = qlm_handshake_check(find_header(c, "Sec-WebSocket-Version"), key);
	if (refusal.status == 0)
		strlcpy(c->socket_key, key, sizeof(c->socket_key));
	return refusal;
}

static enum MHD_Result
begin_request(Connection *c, const char *url, const char *method,
			  const char *version)
{
	QlmIncomingHead head = {.method = method, .version = version, .path = url};
	QlmRefusal	refusal;

	head.peer_name = MHD_lookup_connection_value(c->mhd, MHD_GET_ARGUMENT_KIND,
												 "peer");
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, note_header, &head);
	refusal = qlm_incoming_begin(&c->incoming, &head);
	if (refusal.status == 0)
		refusal = check_upgrade(c, &head);
	if (refusal.status != 0)
		return refuse(c, refusal);
	c->phase = PHASE_READING;
	c->server->nreading++;
	c->since = GetCurrentTimestamp();
	return MHD_YES;
}

static void
put_in_line(Connection *c)
{
	dlist_push_tail(&c->server->ready, &c->queue_node);
	c->is_queued = true;
	c->server->queue.n++;
}

static void
leave_line(Connection *c)
{
	dlist_delete(&c->queue_node);
	c->is_queued = false;
	c->server->queue.n--;
}

static void
suspend(Connection *c)
{
	if (!c->is_suspended)
		MHD_suspend_connection(c->mhd);
	c->is_suspended = true;
}

/* Soon the library's timeout might end it, which counts from the last byte. */
static bool
is_old(const Connection *c)
{
	return TimestampDifferenceExceeds(c->incoming.request.received_at,
									  GetCurrentTimestamp(), LONG_MS);
}

/* The library is to ask for the answer when it runs. */
static void
resume(Connection *c)
{
	if (is_old(c))
		suspend(c);
	if (c->is_suspended)
		MHD_resume_connection(c->mhd);
	c->is_suspended = false;
	c->phase = PHASE_ANSWERED;
	c->server->nsending++;
	c->server->has_answers = true;
}

static enum MHD_Result
complete_request(Connection *c)
{
	static const QlmRefusal busy = {503, "Too many requests wait in line now.\n", {NULL}, true};
	QlmRefusal	refusal = qlm_incoming_finish(&c->incoming);

	if (refusal.status == 0 && qlm_queue_is_full(&c->server->queue))
		refusal = busy;
	if (refusal.status != 0)
		return refuse(c, refusal);
	c->phase = PHASE_READY;
	c->server->nreading--;
	put_in_line(c);
	return MHD_YES;
}

static enum MHD_Result
send_answer(Connection *c)
{
	enum MHD_Result result;

	if (c->response == NULL)
		return MHD_NO;
	result = MHD_queue_response(c->mhd, c->status, c->response);
	MHD_destroy_response(c->response);
	c->response = NULL;
	c->phase = PHASE_SENDING;
	return result;
}

static enum MHD_Result
handle_access(void *cls, struct MHD_Connection *mhd, const char *url,
			  const char *method, const char *version, const char *upload,
			  size_t *upload_len, void **state)
{
	Connection *c = *state;

	if (c == NULL)
	{
		c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
		if (c == NULL)
			return MHD_NO;
		*state = c;
		return begin_request(c, url, method, version);
	}
	if (*upload_len > 0)
	{
		size_t		len = *upload_len;

		*upload_len = 0;
		return qlm_incoming_add(&c->incoming, upload, len) ? MHD_YES : MHD_NO;
	}
	if (c->phase == PHASE_READING)
		return complete_request(c);
	if (c->phase == PHASE_ANSWERED)
		return send_answer(c);
	return MHD_YES;
}

static void
handle_completed(void *cls, struct MHD_Connection *mhd, void **state,
				 enum MHD_RequestTerminationCode code)
{
	Connection *c = *state;

	if (c == NULL)
		return;
	*state = NULL;
	if (c->phase == PHASE_ANSWERED || c->phase == PHASE_SENDING)
		c->server->nsending--;
	else if (c->phase == PHASE_READING)
		c->server->nreading--;
	c->server->unsent -= c->unsent;
	c->unsent = 0;
	if (c->is_queued)
		leave_line(c);
	if (c->response)
		MHD_destroy_response(c->response);
	c->response = NULL;
	c->phase = PHASE_IDLE;
	c->extra_ms = 0;
	c->since = GetCurrentTimestamp();
	qlm_incoming_shrink(&c->incoming);
}

static void
handle_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
				  enum MHD_ConnectionNotificationCode code)
{
	QlmHttpServer *server = cls;
	Connection *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		c = MemoryContextAllocExtended(server->context, sizeof(Connection),
									   MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
		*socket_context = c;
		if (c == NULL)
			return;
		c->incoming.context = server->context;
		c->incoming.budget = &server->budget;
		c->server = server;
		c->mhd = mhd;
		c->since = GetCurrentTimestamp();
		dlist_push_tail(&server->connections, &c->node);
		server->nconnections++;
	}
	else if (c)
	{
		dlist_delete(&c->node);
		server->nconnections--;
		qlm_incoming_free(&c->incoming);
		pfree(c);
	}
}

/* Paths and arguments are decoded by ourselves, after they have been split. */
static size_t
keep_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

static void
start_daemon(QlmHttpServer *server)
{
	server->timeout = (qlm_request_timeout + 999) / 1000;
	MHD_set_panic_func(qlm_library_panic, NULL);
	server->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_ERROR_LOG |
						 MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
						 MHD_USE_NO_LISTEN_SOCKET,
						 0, NULL, NULL, handle_access, server,
						 MHD_OPTION_EXTERNAL_LOGGER, qlm_library_log, NULL,
						 MHD_OPTION_NOTIFY_COMPLETED, handle_completed, NULL,
						 MHD_OPTION_NOTIFY_CONNECTION, handle_connection, server,
						 MHD_OPTION_URI_LOG_CALLBACK, note_url, NULL,
						 MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
						 MHD_OPTION_STRICT_FOR_CLIENT, 1,
						 MHD_OPTION_CONNECTION_LIMIT, 200000,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEAD_MEMORY,
						 MHD_OPTION_CONNECTION_TIMEOUT, server->timeout,
						 MHD_OPTION_END);
	if (server->daemon == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start the HTTP library")));
}

/*
 * The answer has left: from here on the connection is not the library's.  It
 * would keep its memory, though, and look at each when it resumes any: so the
 * set takes a descriptor of its own, and the library is told that it is over.
 */
static void
handle_upgrade(void *cls, struct MHD_Connection *mhd, void *state,
			   const char *early, size_t len, MHD_socket fd,
			   struct MHD_UpgradeResponseHandle *handle)
{
	Connection *c = cls;
	int			own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	c->server->nsending--;
	c->phase = PHASE_SOCKET;
	if (own < 0)
		elog(LOG, "could not take over a connection: %m");
	else if (!qlm_socket_set_add(c->server->sockets, own,
								 &c->incoming.request, early, len))
		close(own);
	(void) MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

void
qlm_http_server_upgrade(QlmHttpRequest *request)
{
	Connection *c = (Connection *) request;
	char		accept[QLM_ACCEPT_SIZE];

	/* Without a response the library closes the connection. */
	if (qlm_handshake_accept(c->socket_key, accept))
		c->response = MHD_create_response_for_upgrade(handle_upgrade, c);
	if (c->response)
	{
		MHD_add_response_header(c->response, "Upgrade", "websocket");
		MHD_add_response_header(c->response, "Sec-WebSocket-Accept", accept);
	}
	c->status = MHD_HTTP_SWITCHING_PROTOCOLS;
	resume(c);
}

QlmHttpServer *
qlm_http_server_create(void)
{
	QlmHttpServer *server = palloc0(sizeof(QlmHttpServer));

	server->context = AllocSetContextCreate(CurrentMemoryContext, "qlm http",
											ALLOCSET_DEFAULT_SIZES);
	dlist_init(&server->connections);
	dlist_init(&server->ready);
	qlm_listener_allow_files(qlm_max_connections);
	start_daemon(server);
	server->epoll = qlm_epoll_create();
	server->held = qlm_epoll_create();
	qlm_epoll_nest(server->epoll, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	qlm_epoll_nest(server->epoll, server->held);
	server->sockets = qlm_socket_set_create(server->context);
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

/* The library closes what it cannot take. */
static void
take_socket(void *arg, int fd, const struct sockaddr *address, socklen_t len)
{
	QlmHttpServer *server = arg;

	if (MHD_add_connection(server->daemon, fd, address, len) != MHD_YES)
		elog(DEBUG1, "libmicrohttpd did not take a connection: %m");
}

/* Has it sent what the library has not read yet? */
static bool
has_unread(const Connection *c)
{
	int			n = 0;

	return (c->phase == PHASE_IDLE || c->phase == PHASE_READING) &&
		ioctl(socket_of(c), FIONREAD, &n) == 0 && n > 0;
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
	server->next_sweep = TimestampTzPlusMilliseconds(now, Max(qlm_request_timeout / 8, 100));
	dlist_foreach(iter, &server->connections)
	{
		Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->phase != PHASE_READY && c->phase != PHASE_HELD &&
			c->phase != PHASE_SOCKET &&
			TimestampDifferenceExceeds(c->since, now, qlm_request_timeout + c->extra_ms) &&
			!has_unread(c))
			shutdown(socket_of(c), SHUT_RDWR);
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
		Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->phase == PHASE_SOCKET)
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
		Connection *c = dlist_container(Connection, queue_node, iter.cur);

		if (!is_old(c))
			break;
		suspend(c);
	}
	qlm_listener_run(&server->listener,
					 qlm_max_connections - qlm_http_server_connections(server),
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
	Connection *c = NULL;

	if (!dlist_is_empty(&server->ready))
		c = dlist_container(Connection, queue_node,
							dlist_head_node(&server->ready));
	if (first != DT_NOEND && (c == NULL || first <= c->incoming.request.received_at))
		return qlm_socket_set_next(server->sockets);
	if (c == NULL)
		return NULL;
	leave_line(c);
	return &c->incoming.request;
}

void
qlm_http_server_hold(QlmHttpRequest *request, bool keep_body)
{
	Connection *c = (Connection *) request;
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};

	if (request->socket)
	{
		qlm_socket_hold(request, keep_body);
		return;
	}
	if (!keep_body)
		qlm_incoming_forget_body(&c->incoming);
	c->phase = PHASE_HELD;
	suspend(c);

	/* Unwatched it is merely held for longer. */
	if (epoll_ctl(c->server->held, EPOLL_CTL_ADD, socket_of(c), &event) != 0)
		elog(LOG, "could not watch a connection: %m");
}

static void
stop_holding(Connection *c)
{
	if (c->phase != PHASE_HELD)
		return;
	(void) epoll_ctl(c->server->held, EPOLL_CTL_DEL, socket_of(c), NULL);
	c->phase = PHASE_READY;
}

void
qlm_http_server_requeue(QlmHttpRequest *request)
{
	Connection *c = (Connection *) request;

	if (request->socket)
	{
		qlm_socket_requeue(request);
		return;
	}
	stop_holding(c);
	request->received_at = GetCurrentTimestamp();
	put_in_line(c);
}

QlmHttpRequest *
qlm_http_server_left(QlmHttpServer *server)
{
	struct epoll_event event;

	if (epoll_wait(server->held, &event, 1, 0) != 1)
		return qlm_socket_set_left(server->sockets);
	return &((Connection *) event.data.ptr)->incoming.request;
}

void
qlm_http_server_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer)
{
	Connection *c = (Connection *) request;

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
	resume(c);
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
