/*
 * http_client.c
 *		HTTP requests on libcurl's multi interface; the only file that includes
 *		the library.
 *
 * The library's sockets are in an epoll descriptor that nests in whatever
 * waits.  Its callbacks only note and copy: nothing in them may raise an
 * error.  It looks names up in a thread, which must not run signal handlers:
 * all signals are blocked wherever it may start one.
 *
 * A connection is never used without asking whether its address is allowed,
 * neither to open it nor, as what is allowed differs between transfers, to
 * use it again.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "base/limits.h"
#include "transport/http_client.h"
#include "transport/outgoing.h"

#define CONNECT_TIMEOUT_MS	10000
#define MAX_IDLE_CONNECTIONS	64
#define MAX_IDLE_OPERATIONS 16	/* each has buffers of the library */
#define MAX_EVENTS			64
#define MAX_ROUNDS			8		/* then others have their turn */

/* Where the library is older, checked connections are not used again. */
#define CAN_CHECK_REUSE		(LIBCURL_VERSION_NUM >= 0x075000)

/* Why a callback has ended a transfer */
typedef enum Stop
{
	STOP_NOT,
	STOP_SIZE,
	STOP_HEADERS,
	STOP_MEMORY
} Stop;

typedef struct Operation
{
	QlmHttpClient *client;
	CURL	   *easy;
	QlmTransfer *transfer;
	dlist_node	node;			/* in running, finished or idle */
	bool		added;			/* to the multi handle */
	CURLU	   *url;
	char	   *host;			/* as allocated by the library */
	struct curl_slist *headers;
	char	   *form;			/* the body as a form field */
	Size		header_size;	/* of the answer so far */
	bool		has_headers;	/* the empty line after them has come */
	Stop		stop;
	int			nallowed;		/* addresses tried */
	char		refused[INET6_ADDRSTRLEN];	/* the last address refused */
	char		error[CURL_ERROR_SIZE];
} Operation;

struct QlmHttpClient
{
	MemoryContext context;
	CURLM	   *multi;
	int			epoll;
	bool		(*allowed) (const struct sockaddr *address, const char *host);
	dlist_head	running;
	dlist_head	finished;
	dlist_head	idle;
	int			nrunning;		/* finished ones included */
	int			nidle;
};

static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static size_t
take_body(char *data, size_t one, size_t len, void *arg)
{
	Operation  *op = arg;
	int64		taken = qlm_outgoing_collect(op->client->context,
											 &op->transfer->answer, data, len);

	if (taken < 0)
		op->stop = STOP_MEMORY;
	else if (taken < len)
		op->stop = STOP_SIZE;
	return op->stop == STOP_NOT ? len : 0;
}

/* Called for each line, and for those of interim answers and trailers too */
static size_t
take_header(char *data, size_t one, size_t len, void *arg)
{
	Operation  *op = arg;

	op->header_size += len;
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		op->has_headers = false;
	else if (len <= 2 && (data[0] == '\r' || data[0] == '\n'))
		op->has_headers = true;
	if (op->header_size <= QLM_MAX_HTTP_HEADERS)
		return len;
	op->stop = STOP_HEADERS;
	return 0;
}

static bool
is_allowed(Operation *op, const struct sockaddr *address)
{
	const void *bytes;

	if (op->transfer->any_address ||
		op->client->allowed(address, op->host))
		return true;
	bytes = address->sa_family == AF_INET6 ?
		(const void *) &((const struct sockaddr_in6 *) address)->sin6_addr :
		(const void *) &((const struct sockaddr_in *) address)->sin_addr;
	if (!inet_ntop(address->sa_family, bytes, op->refused, sizeof(op->refused)))
		strlcpy(op->refused, "?", sizeof(op->refused));
	return false;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Operation  *op = arg;

	if (!is_allowed(op, &address->addr))
		return CURL_SOCKET_BAD;
	op->nallowed++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
				  address->protocol);
}

#if CAN_CHECK_REUSE
static int
check_connection(void *arg, char *remote_ip, char *local_ip,
				 int remote_port, int local_port)
{
	union
	{
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	}			address;
	Operation  *op = arg;

	memset(&address, 0, sizeof(address));
	if (inet_pton(AF_INET, remote_ip, &address.v4.sin_addr) == 1)
	{
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(remote_port);
	}
	else if (inet_pton(AF_INET6, remote_ip, &address.v6.sin6_addr) == 1)
	{
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(remote_port);
	}
	else
		return CURL_PREREQFUNC_ABORT;
	if (is_allowed(op, &address.any))
		return CURL_PREREQFUNC_OK;
	op->nallowed = 0;
	return CURL_PREREQFUNC_ABORT;
}
#endif

/* What cannot be watched ends by its timeout. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	QlmHttpClient *client = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (what == CURL_POLL_REMOVE)
		(void) epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, &event);
	else if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
			 errno == ENOENT)
		(void) epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

static void
start_library(void)
{
	static bool started = false;

	if (started)
		return;
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start libcurl")));
	started = true;
}

QlmHttpClient *
qlm_http_client_create(bool (*allowed) (const struct sockaddr *address,
										const char *host))
{
	QlmHttpClient *client = palloc0(sizeof(QlmHttpClient));

	start_library();
	client->context = CurrentMemoryContext;
	client->allowed = allowed;
	dlist_init(&client->running);
	dlist_init(&client->finished);
	dlist_init(&client->idle);
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client->epoll < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));
	client->multi = curl_multi_init();
	if (client->multi == NULL)
	{
		close(client->epoll);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errdetail("libcurl could not be started.")));
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
					  (long) MAX_IDLE_CONNECTIONS);
	return client;
}

int
qlm_http_client_fd(const QlmHttpClient *client)
{
	return client->epoll;
}

static Operation *
take_operation(QlmHttpClient *client)
{
	Operation  *op;

	if (dlist_is_empty(&client->idle))
	{
		op = MemoryContextAllocZero(client->context, sizeof(Operation));
		op->client = client;
		op->easy = curl_easy_init();
		return op;
	}
	client->nidle--;
	return dlist_container(Operation, node, dlist_pop_head_node(&client->idle));
}

/* Make an operation ready for another transfer, or drop it. */
static void
release_operation(Operation *op)
{
	QlmHttpClient *client = op->client;
	CURL	   *easy = op->easy;

	curl_slist_free_all(op->headers);
	curl_free(op->host);
	curl_url_cleanup(op->url);
	if (op->form)
		pfree(op->form);
	client->nrunning--;
	if (easy == NULL || client->nidle >= MAX_IDLE_OPERATIONS)
	{
		curl_easy_cleanup(easy);
		pfree(op);
		return;
	}
	curl_easy_reset(easy);
	memset(op, 0, sizeof(Operation));
	op->client = client;
	op->easy = easy;
	dlist_push_head(&client->idle, &op->node);
	client->nidle++;
}

/* Where the URL goes to, by the very parser that then goes there */
static bool
parse_url(Operation *op, const char **error)
{
	CURLUcode	code;
	Size		len;

	op->url = curl_url();
	if (op->url == NULL)
		return false;
	code = curl_url_set(op->url, CURLUPART_URL, op->transfer->url, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(op->url, CURLUPART_HOST, &op->host, 0);
	if (code != CURLUE_OK)
	{
		if (code != CURLUE_OUT_OF_MEMORY)
			*error = "the URL is not one";
		return false;
	}
	len = strlen(op->host);
	if (op->host[0] == '[' && op->host[len - 1] == ']')
	{
		op->host[len - 1] = '\0';
		memmove(op->host, op->host + 1, len - 1);
	}
	return true;
}

static bool
add_header(Operation *op, const char *line)
{
	struct curl_slist *headers = curl_slist_append(op->headers, line);

	if (headers == NULL)
		return false;
	op->headers = headers;
	return true;
}

static bool
make_headers(Operation *op, const char **error)
{
	const QlmTransfer *transfer = op->transfer;
	char		line[8192];

	const char *type = "Content-Type: text/xml; charset=utf-8";

	if (transfer->form)
		type = "Content-Type: application/x-www-form-urlencoded";
	else if (transfer->json)
		type = "Content-Type: application/json; charset=utf-8";
	if (!add_header(op, type) ||
		!add_header(op, "Expect:"))
		return false;
	if (transfer->authorization)
	{
		if (strpbrk(transfer->authorization, "\r\n") ||
			snprintf(line, sizeof(line), "Authorization: %s",
					 transfer->authorization) >= sizeof(line))
		{
			*error = "the authorization does not fit a header";
			return false;
		}
		if (!add_header(op, line))
			return false;
	}
	if (transfer->prefer_wait > 0)
	{
		snprintf(line, sizeof(line), "Prefer: wait=%d", transfer->prefer_wait);
		return add_header(op, line);
	}
	return true;
}

#define SET(option, value) \
	do { \
		if (curl_easy_setopt(op->easy, (option), (value)) != CURLE_OK) \
			return false; \
	} while (0)

/* What keeps a transfer within its bounds */
static bool
set_bounds(Operation *op)
{
	int			timeout = Max(op->transfer->timeout_ms, 1);

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Else a name server that does not answer holds up all transfers. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_TIMEOUT_MS, (long) timeout);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) Min(timeout, CONNECT_TIMEOUT_MS));
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, op);
	if (!op->transfer->any_address)
	{
#if CAN_CHECK_REUSE
		SET(CURLOPT_PREREQFUNCTION, check_connection);
		SET(CURLOPT_PREREQDATA, op);
#else
		SET(CURLOPT_FRESH_CONNECT, 1L);
		SET(CURLOPT_FORBID_REUSE, 1L);
#endif
	}
	return true;
}

static bool
set_request(Operation *op)
{
	const QlmTransfer *transfer = op->transfer;
	Size		len = transfer->body_len;

	if (transfer->form)
	{
		op->form = qlm_outgoing_form(op->client->context, transfer->body,
									 transfer->body_len, &len);
		if (op->form == NULL)
			return false;
	}
	SET(CURLOPT_CURLU, op->url);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) len);
	SET(CURLOPT_POSTFIELDS, op->form ? op->form :
		transfer->body ? transfer->body : "");
	SET(CURLOPT_HTTPHEADER, op->headers);
	SET(CURLOPT_USERAGENT, "qlm/" QLM_VERSION);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, op);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, op);
	SET(CURLOPT_ERRORBUFFER, op->error);
	SET(CURLOPT_PRIVATE, op);
	return true;
}

static bool
start_operation(Operation *op, const char **error)
{
	sigset_t	before;

	*error = "out of memory";
	if (op->easy == NULL || !parse_url(op, error) ||
		!make_headers(op, error) || !set_bounds(op) || !set_request(op))
		return false;
	block_signals(&before);
	op->added = curl_multi_add_handle(op->client->multi, op->easy) == CURLM_OK;
	restore_signals(&before);
	return op->added;
}

void
qlm_http_client_start(QlmHttpClient *client, QlmTransfer *transfer)
{
	MemoryContext before = MemoryContextSwitchTo(client->context);
	Operation  *op;
	const char *error;

	transfer->status = 0;
	transfer->error[0] = '\0';
	transfer->forbidden = false;
	initStringInfo(&transfer->answer);
	MemoryContextSwitchTo(before);

	op = take_operation(client);
	op->transfer = transfer;
	client->nrunning++;
	if (start_operation(op, &error))
		dlist_push_tail(&client->running, &op->node);
	else
	{
		qlm_outgoing_set_error(transfer, error);
		dlist_push_tail(&client->finished, &op->node);
	}
}

static void
remove_operation(Operation *op)
{
	sigset_t	before;

	if (!op->added)
		return;
	block_signals(&before);
	curl_multi_remove_handle(op->client->multi, op->easy);
	restore_signals(&before);
	op->added = false;
}

/*
 * An answer that is not complete is none, except for one that is too long.  To
 * the library a connection that ends among the headers is a complete answer.
 */
static void
record_result(Operation *op, CURLcode code)
{
	QlmTransfer *transfer = op->transfer;
	char		text[sizeof(transfer->error)];
	long		status = 0;

	curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && (!op->has_headers || status < 200))
		code = CURLE_GOT_NOTHING;
	if (code == CURLE_OK || op->stop == STOP_SIZE)
		transfer->status = (int) status;
	else
	{
		transfer->answer.len = 0;
		transfer->answer.data[0] = '\0';
	}
	if (code == CURLE_OK)
		return;

	if (op->stop == STOP_SIZE)
		snprintf(text, sizeof(text),
				 "the answer is larger than qlm.max_message_size (%d bytes)",
				 qlm_max_message_size);
	else if (op->stop == STOP_HEADERS)
		snprintf(text, sizeof(text),
				 "the headers of the answer are larger than %d bytes",
				 QLM_MAX_HTTP_HEADERS);
	else if (op->stop == STOP_MEMORY)
		strlcpy(text, "out of memory", sizeof(text));
	else if (op->refused[0] && op->nallowed == 0)
	{
		transfer->forbidden = true;
		snprintf(text, sizeof(text), "callbacks to %s are not allowed",
				 op->refused);
	}
	else
		strlcpy(text, op->error[0] ? op->error : curl_easy_strerror(code),
				sizeof(text));
	qlm_outgoing_set_error(transfer, text);
}

static void
collect_results(QlmHttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		Operation  *op = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &op);
		record_result(op, code);
		remove_operation(op);
		dlist_delete(&op->node);
		dlist_push_tail(&client->finished, &op->node);
	}
}

/* Tell the library what has happened; false if nothing has. */
static bool
run_once(QlmHttpClient *client)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(client->epoll, events, MAX_EVENTS, 0);
	long		timeout = -1;
	int			running;

	for (int i = 0; i < n; i++)
	{
		int			what = 0;

		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(client->multi, events[i].data.fd, what,
								 &running);
	}
	curl_multi_timeout(client->multi, &timeout);
	if (timeout == 0)
		curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0,
								 &running);
	return n > 0 || timeout == 0;
}

void
qlm_http_client_run(QlmHttpClient *client)
{
	sigset_t	before;
	int			rounds = 0;

	block_signals(&before);
	while (rounds++ < MAX_ROUNDS && run_once(client))
		 /* there may be more at once */ ;
	restore_signals(&before);
	collect_results(client);
}

QlmTransfer *
qlm_http_client_next(QlmHttpClient *client)
{
	Operation  *op;
	QlmTransfer *transfer;

	if (dlist_is_empty(&client->finished))
		return NULL;
	op = dlist_container(Operation, node,
						 dlist_pop_head_node(&client->finished));
	transfer = op->transfer;
	release_operation(op);
	return transfer;
}

static Operation *
find_operation(dlist_head *list, const QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, list)
	{
		Operation  *op = dlist_container(Operation, node, iter.cur);

		if (op->transfer == transfer)
			return op;
	}
	return NULL;
}

void
qlm_http_client_cancel(QlmHttpClient *client, QlmTransfer *transfer)
{
	Operation  *op = find_operation(&client->running, transfer);

	if (op == NULL)
		op = find_operation(&client->finished, transfer);
	if (op == NULL)
		return;
	remove_operation(op);
	dlist_delete(&op->node);
	release_operation(op);
}

/*
 * Asked of the library each time rather than kept from its timer callback,
 * which is not called again when a timer was fired a little early.
 */
int64
qlm_http_client_due(const QlmHttpClient *client)
{
	long		timeout = -1;

	if (!dlist_is_empty((dlist_head *) &client->finished))
		return 0;
	curl_multi_timeout(client->multi, &timeout);
	return timeout;
}

int
qlm_http_client_running(const QlmHttpClient *client)
{
	return client->nrunning;
}
