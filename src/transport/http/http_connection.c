/*
 * http_connection.c
 *		Connections of the HTTP server: the callbacks of libmicrohttpd.
 *
 * The callbacks only collect: a complete request is put into a queue.  Nothing
 * in a callback may raise an error.  Everything else runs after the library
 * has returned.
 *
 * Most requests are answered at once, and the library asks for the answer when
 * it runs.  Only other connections are suspended, as suspending and resuming
 * cost three system calls.
 */
#include "postgres.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/server_settings.h"
#include "transport/http/http_connection.h"
#include "transport/http/http_response.h"
#include "transport/http/request_target.h"

/*
 * Only this thread calls the library.  Without this flag libmicrohttpd 1.0
 * queues new connections until it runs, and does not count them until then.
 */
#if MHD_VERSION >= 0x00097707
#define USE_ONE_THREAD	MHD_USE_NO_THREAD_SAFETY
#else
#define USE_ONE_THREAD	0
#endif

#define LONG_MS		100			/* far less than the library's timeout */

/*
 * Memory for the heads of a request and its answer; the library clears it each
 * time.
 */
#define HEAD_MEMORY	(16 * 1024)

int
qlm_http_connection_fd(const QlmHttpConnection *c)
{
	return MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/*
 * Refuses a request in the transport.  The connection is closed, unless the
 * same request may be repeated and was received completely.
 */
static enum MHD_Result
refuse(QlmHttpConnection *c, QlmRefusal refusal)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = qlm_http_response_refuse(&c->incoming, &refusal,
										!refusal.is_busy || c->phase != QLM_PHASE_READING,
										qlm_admission_retry_after(&c->set->admission));
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

/* Copies the URL before the library modifies it. */
static void *
note_url(void *cls, const char *url, struct MHD_Connection *mhd)
{
	QlmHttpConnection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	if (c == NULL)
		return NULL;
	if (c->phase == QLM_PHASE_IDLE)
	{
		c->phase = QLM_PHASE_HEAD;
		c->since = GetCurrentTimestamp();
		qlm_source_stay(c->set->sources, &c->guest, QLM_STAY_INCOMPLETE);
	}
	c->has_line = true;
	qlm_incoming_url(&c->incoming, url);
	return NULL;
}

static enum MHD_Result
find_upgrade(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
			 const char *value, size_t len)
{
	if (value && key_len == 10 && pg_strcasecmp(key, "Connection") == 0)
		*(bool *) cls |= qlm_header_has_token(value, "Upgrade");
	return MHD_YES;
}

static const char *
find_header(const QlmHttpConnection *c, const char *name)
{
	return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

static const QlmRefusal no_refusal = {0, NULL};
static const QlmRefusal upgrade_lost = {426,
	"A WebSocket is asked for, but without Upgrade: websocket and Connection: Upgrade, or not with HTTP/1.1."
	" Proxies pass these on only where they are told to.\n",
	{"Upgrade", "websocket"}
};
static const QlmRefusal bad_version = {426, "Only version 13 of WebSocket is spoken.\n",
	{"Sec-WebSocket-Version", "13"}
};
static const QlmRefusal bad_key = {400, "Sec-WebSocket-Key is not 16 bytes in base64.\n"};

/* Is it a valid request for a WebSocket? */
static QlmRefusal
check_upgrade(QlmHttpConnection *c, const QlmIncomingHead *head)
{
	QlmHttpRequest *request = &c->incoming.request;
	const char *upgrade = find_header(c, "Upgrade");
	const char *key;

	request->socket = NULL;
	request->wants_socket = false;
	if (request->method != QLM_HTTP_GET)
		return no_refusal;
	key = find_header(c, "Sec-WebSocket-Key");
	if (upgrade != NULL && strcmp(head->version, "HTTP/1.1") == 0 &&
		qlm_header_has_token(upgrade, "websocket"))
		MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, find_upgrade,
									&request->wants_socket);
	if (!request->wants_socket)
		return key == NULL ? no_refusal : upgrade_lost;
	request->acknowledge = find_header(c, QLM_ACKNOWLEDGE_HEADER) != NULL;
	switch (qlm_handshake_check(find_header(c, "Sec-WebSocket-Version"), key))
	{
		case QLM_HANDSHAKE_BAD_VERSION:
			return bad_version;
		case QLM_HANDSHAKE_BAD_KEY:
			return bad_key;
		case QLM_HANDSHAKE_GOOD:
			break;
	}
	strlcpy(c->socket_key, key, sizeof(c->socket_key));
	return no_refusal;
}

static enum MHD_Result
begin_request(QlmHttpConnection *c, const char *url, const char *method,
			  const char *version)
{
	static const QlmRefusal bad_target = {400, "The target of the request is neither a path nor a URL.\n"};
	char		authority[QLM_AUTHORITY_SIZE];
	QlmIncomingHead head = {.method = method, .version = version};
	QlmRefusal	refusal;

	head.path = qlm_request_target_path(url, authority);
	if (head.path == NULL)
		return refuse(c, bad_target);
	head.peer_name = MHD_lookup_connection_value(c->mhd, MHD_GET_ARGUMENT_KIND,
												 "peer");
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, note_header, &head);
	if (authority[0] != '\0')
		head.host = authority;
	refusal = qlm_incoming_begin(&c->incoming, &head);
	if (refusal.status == 0)
		refusal = check_upgrade(c, &head);
	if (refusal.status != 0 && !qlm_incoming_reads_on(&c->incoming, &head, refusal))
		return refuse(c, refusal);
	c->phase = QLM_PHASE_READING;
	c->set->nreading++;
	c->since = GetCurrentTimestamp();
	return MHD_YES;
}

void
qlm_http_connection_queue(QlmHttpConnection *c)
{
	dlist_push_tail(&c->set->ready, &c->ready_node);
	c->is_queued = true;
	c->set->admission.n++;
	if (c->guest.source)
		c->guest.source->nwaiting++;
}

void
qlm_http_connection_unqueue(QlmHttpConnection *c)
{
	dlist_delete(&c->ready_node);
	c->is_queued = false;
	c->set->admission.n--;
	if (c->guest.source)
		c->guest.source->nwaiting--;
}

void
qlm_http_connection_suspend(QlmHttpConnection *c)
{
	if (!c->is_suspended)
		MHD_suspend_connection(c->mhd);
	c->is_suspended = true;
}

/* Might the library's timeout, which counts from the last byte, end it soon? */
bool
qlm_http_connection_is_old(const QlmHttpConnection *c)
{
	return TimestampDifferenceExceeds(c->incoming.request.received_at,
									  GetCurrentTimestamp(), LONG_MS);
}

/* Has the library ask for the answer when it runs. */
void
qlm_http_connection_resume(QlmHttpConnection *c)
{
	if (qlm_http_connection_is_old(c))
		qlm_http_connection_suspend(c);
	if (c->is_suspended)
		MHD_resume_connection(c->mhd);
	c->is_suspended = false;
	c->phase = QLM_PHASE_ANSWERED;
	c->set->nsending++;
	c->set->has_answers = true;
}

/*
 * Returns how many requests of this client are waiting.  Not counted for
 * proxies, which have many clients.
 */
static int
waiting_from(const QlmHttpConnection *c)
{
	return c->guest.source && !c->guest.source->is_proxy ? c->guest.source->nwaiting : 0;
}

static enum MHD_Result
complete_request(QlmHttpConnection *c)
{
	static const QlmRefusal busy = {503, "Too many requests wait in line now.\n", {NULL}, true};
	QlmRefusal	refusal = qlm_incoming_finish(&c->incoming);

	if (refusal.status == 0 && qlm_admission_is_full(&c->set->admission, waiting_from(c)))
		refusal = busy;
	if (refusal.status != 0)
		return refuse(c, refusal);
	c->phase = QLM_PHASE_READY;
	c->set->nreading--;
	qlm_source_stay(c->set->sources, &c->guest, QLM_STAY_BUSY);
	qlm_http_connection_queue(c);
	return MHD_YES;
}

static enum MHD_Result
send_answer(QlmHttpConnection *c)
{
	enum MHD_Result result;

	if (c->response == NULL)
		return MHD_NO;
	result = MHD_queue_response(c->mhd, c->status, c->response);
	MHD_destroy_response(c->response);
	c->response = NULL;
	c->phase = QLM_PHASE_SENDING;
	return result;
}

static enum MHD_Result
handle_access(void *cls, struct MHD_Connection *mhd, const char *url,
			  const char *method, const char *version, const char *upload,
			  size_t *upload_len, void **state)
{
	QlmHttpConnection *c = *state;

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
	if (c->phase == QLM_PHASE_READING)
		return complete_request(c);
	if (c->phase == QLM_PHASE_ANSWERED)
		return send_answer(c);
	return MHD_YES;
}

static void
handle_completed(void *cls, struct MHD_Connection *mhd, void **state,
				 enum MHD_RequestTerminationCode code)
{
	QlmHttpConnection *c = *state;

	if (c == NULL)
		return;
	*state = NULL;
	if (c->phase == QLM_PHASE_ANSWERED || c->phase == QLM_PHASE_SENDING)
		c->set->nsending--;
	else if (c->phase == QLM_PHASE_READING)
		c->set->nreading--;
	c->set->budget->unsent -= c->unsent;
	c->unsent = 0;
	if (c->is_queued)
		qlm_http_connection_unqueue(c);
	if (c->response)
		MHD_destroy_response(c->response);
	c->response = NULL;
	c->phase = QLM_PHASE_IDLE;
	c->has_line = false;
	qlm_source_stay(c->set->sources, &c->guest, QLM_STAY_IDLE);
	c->extra_ms = 0;
	c->since = GetCurrentTimestamp();
	qlm_incoming_shrink(&c->incoming);
}

bool
qlm_http_connection_has_unread(const QlmHttpConnection *c)
{
	int			n = 0;

	return (c->phase == QLM_PHASE_HEAD || c->phase == QLM_PHASE_IDLE ||
			c->phase == QLM_PHASE_READING) &&
		ioctl(qlm_http_connection_fd(c), FIONREAD, &n) == 0 && n > 0;
}

/* The library notices it when it runs. */
static bool
evict(QlmGuest *guest)
{
	QlmHttpConnection *c = (QlmHttpConnection *) ((char *) guest - offsetof(QlmHttpConnection, guest));

	return !qlm_http_connection_has_unread(c) &&
		shutdown(qlm_http_connection_fd(c), SHUT_RDWR) == 0;
}

/*
 * Returns NULL without memory; the library then closes the connection when it
 * asks for the request.
 */
static QlmHttpConnection *
begin_connection(QlmHttpConnections *set, struct MHD_Connection *mhd)
{
	const struct sockaddr *address =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	QlmHttpConnection *c = MemoryContextAllocExtended(set->context, sizeof(QlmHttpConnection),
													  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);

	if (c == NULL)
		return NULL;
	c->incoming.context = set->context;
	c->incoming.budget = set->budget;
	qlm_client_address_set(&c->incoming.request.client, address);
	c->set = set;
	c->mhd = mhd;
	c->since = GetCurrentTimestamp();
	if (qlm_source_enter(set->sources, &c->guest, address, evict))
	{
		c->incoming.share = &c->guest.source->bodies;
		c->incoming.request.is_proxied = c->guest.source->is_proxy;
	}
	dlist_push_tail(&set->all, &c->node);
	set->n++;
	return c;
}

static void
end_connection(QlmHttpConnection *c)
{
	dlist_delete(&c->node);
	c->set->n--;
	qlm_incoming_free(&c->incoming);
	qlm_source_leave(c->set->sources, &c->guest);
	pfree(c);
}

static void
handle_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
				  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*socket_context = begin_connection(cls, mhd);
	else if (*socket_context)
		end_connection(*socket_context);
}

/* Paths and arguments are decoded here, after they were split. */
static size_t
keep_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

static void pg_attribute_printf(2, 0)
log_line(void *cls, const char *format, va_list args)
{
	char		line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	elog(DEBUG1, "libmicrohttpd: %s", line);
}

/* Replaces the library's abort(), which would restart the whole cluster. */
static void
panic(void *cls, const char *file, unsigned int line, const char *reason)
{
	elog(LOG, "libmicrohttpd gave up at %s:%u: %s", file, line,
		 reason ? reason : "no reason given");
	proc_exit(1);
}

void
qlm_http_connections_start(QlmHttpConnections *set)
{
	dlist_init(&set->all);
	dlist_init(&set->ready);

	/* The library closes idle connections without an answer, so it must be later. */
	set->timeout = (Max(qlm_request_timeout, qlm_keepalive_timeout) * 2LL + 999) / 1000;
	MHD_set_panic_func(panic, NULL);
	set->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_ERROR_LOG |
						 MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
						 MHD_USE_NO_LISTEN_SOCKET | USE_ONE_THREAD,
						 0, NULL, NULL, handle_access, set,
						 MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
						 MHD_OPTION_NOTIFY_COMPLETED, handle_completed, NULL,
						 MHD_OPTION_NOTIFY_CONNECTION, handle_connection, set,
						 MHD_OPTION_URI_LOG_CALLBACK, note_url, NULL,
						 MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
						 MHD_OPTION_STRICT_FOR_CLIENT, 1,
						 MHD_OPTION_CONNECTION_LIMIT, 200000,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEAD_MEMORY,
						 MHD_OPTION_CONNECTION_TIMEOUT, set->timeout,
						 MHD_OPTION_END);
	if (set->daemon == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start the HTTP library")));
}

/*
 * The answer has left, and the connection no longer belongs to the library.
 * The library would keep its memory, though, and check it whenever any
 * connection is resumed.  So the descriptor is duplicated, and the library is
 * told that its connection has ended.
 */
static void
handle_upgrade(void *cls, struct MHD_Connection *mhd, void *state,
			   const char *early, size_t len, MHD_socket fd,
			   struct MHD_UpgradeResponseHandle *handle)
{
	QlmHttpConnection *c = cls;
	int			own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	c->set->nsending--;
	c->phase = QLM_PHASE_SOCKET;

	/* From here on the socket counts for the address. */
	qlm_incoming_forget_body(&c->incoming);
	c->incoming.share = NULL;
	if (own < 0)
		elog(LOG, "could not take over a connection: %m");
	else if (!c->set->upgrade.take(c->set->upgrade.owner, own, &c->incoming.request,
								   early, len, &c->guest))
		close(own);
	(void) MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

struct MHD_Response *
qlm_http_connection_upgrade(QlmHttpConnection *c)
{
	struct MHD_Response *response;
	char		accept[QLM_ACCEPT_SIZE];

	if (!qlm_handshake_accept(c->socket_key, accept))
		return NULL;
	response = MHD_create_response_for_upgrade(handle_upgrade, c);
	if (response)
	{
		MHD_add_response_header(response, "Upgrade", "websocket");
		MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
		if (c->incoming.request.acknowledge)
			MHD_add_response_header(response, QLM_ACKNOWLEDGE_HEADER, "1");
	}
	return response;
}
