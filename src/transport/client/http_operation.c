/*
 * http_operation.c
 *		A request of the HTTP client on libcurl's easy interface: what is sent,
 *		within which limits, and its outcome.
 *
 * Callbacks of libcurl only note and copy, as nothing in them may raise an
 * error.  Whether an address is allowed is checked when a connection is
 * opened, and again each time it is reused, as that differs between transfers.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "base/address.h"
#include "base/client_settings.h"
#include "base/limits.h"
#include "base/url.h"
#include "transport/client/http_operation.h"
#include "transport/client/proxy_auth.h"
#include "transport/coding/form.h"
#include "transport/coding/header.h"
#include "transport/net/keepalive.h"

#define CONNECT_TIMEOUT_MS	10000
#define IDLE_SECONDS		45		/* an idle connection may be reused */
#define NAME_SECONDS		60		/* a resolved address is used, at most */
#define SPEED_SECONDS		5		/* period over which libcurl averages */

/*
 * Older versions of libcurl cannot check reused connections, so these are not
 * reused.
 */
#define CAN_CHECK_REUSE		(LIBCURL_VERSION_NUM >= 0x075000)

QlmHttpOperation *
qlm_http_operation_create(MemoryContext context, QlmAddressCheck allowed)
{
	QlmHttpOperation *op = MemoryContextAllocZero(context,
												  sizeof(QlmHttpOperation));

	op->context = context;
	op->allowed = allowed;
	op->easy = curl_easy_init();
	return op;
}

void
qlm_http_operation_clear(QlmHttpOperation *op)
{
	QlmHttpOperation kept = {
		.context = op->context, .allowed = op->allowed, .easy = op->easy
	};

	curl_slist_free_all(op->headers);
	curl_free(op->host);
	curl_url_cleanup(op->url);
	if (op->form)
		pfree(op->form);
	if (op->target)
		pfree(op->target);
	if (op->easy)
		curl_easy_reset(op->easy);
	*op = kept;
}

void
qlm_http_operation_free(QlmHttpOperation *op)
{
	qlm_http_operation_clear(op);
	curl_easy_cleanup(op->easy);
	pfree(op);
}

static size_t
take_body(char *data, size_t one, size_t len, void *arg)
{
	QlmHttpOperation *op = arg;
	int64		taken = qlm_transfer_collect(op->context,
											 &op->transfer->answer, data, len);

	if (taken < 0)
		op->stop = QLM_STOP_MEMORY;
	else if (taken < len)
		op->stop = QLM_STOP_SIZE;
	return op->stop == QLM_STOP_NOT ? len : 0;
}

/*
 * Copies the value of the header with this name, truncated if it is too long.
 * Returns whether it has this name.
 */
static bool
header_value(const char *line, Size len, const char *name, char *value, Size size)
{
	Size		skip = strlen(name);

	if (len < skip || pg_strncasecmp(line, name, skip) != 0)
		return false;
	while (skip < len && line[skip] == ' ')
		skip++;
	while (len > skip && strchr(" \r\n", line[len - 1]))
		len--;
	len = Min(len - skip, size - 1);
	memcpy(value, line + skip, len);
	value[len] = '\0';
	return true;
}

static void
note_header(QlmTransfer *transfer, const char *line, Size len)
{
	char		applied[64];

	if (header_value(line, len, "Preference-Applied:", applied, sizeof(applied)))
		transfer->waited = Max(qlm_header_prefer_wait(applied), 0);
	else
		(void) header_value(line, len, "Server:", transfer->server, sizeof(transfer->server));
}

/* Called for each line, also for those of interim answers and trailers. */
static size_t
take_header(char *data, size_t one, size_t len, void *arg)
{
	QlmHttpOperation *op = arg;

	op->header_size += len;
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		op->has_headers = false;
	else if (len <= 2 && (data[0] == '\r' || data[0] == '\n'))
		op->has_headers = true;
	else
		note_header(op->transfer, data, len);
	if (op->header_size <= QLM_MAX_HTTP_HEADERS)
		return len;
	op->stop = QLM_STOP_HEADERS;
	return 0;
}

/* Was the address named by an administrator, and not by a redirect? */
static bool
is_any_address(const QlmHttpOperation *op)
{
	return op->transfer->any_address && !op->is_elsewhere;
}

bool
qlm_http_operation_allows(QlmHttpOperation *op, const struct sockaddr *address)
{
	const void *bytes;

	/* The address of a proxy is not checked; the target was checked by name. */
	if (op->is_proxied || is_any_address(op) ||
		op->allowed(address, op->host, op->transfer->of_peer))
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
	QlmHttpOperation *op = arg;

	if (!qlm_http_operation_allows(op, &address->addr))
		return CURL_SOCKET_BAD;
	op->nallowed++;
	return qlm_keepalive(socket(address->family, address->socktype | SOCK_CLOEXEC,
								 address->protocol));
}

static size_t
give_body(char *buffer, size_t one, size_t room, void *arg)
{
	QlmHttpOperation *op = arg;
	Size		n = Min(room * one, op->body_len - op->body_sent);

	memcpy(buffer, op->body + op->body_sent, n);
	op->body_sent += n;
	return n;
}

/*
 * libcurl would repeat a request when a reused connection ends without an
 * answer, though the other end may have processed it.  A repetition is allowed
 * if the other end has asked for credentials, or if the request is harmless.
 */
static int
seek_body(void *arg, curl_off_t offset, int origin)
{
	QlmHttpOperation *op = arg;

	if (op->header_size == 0 && op->body_sent > 0 && !op->transfer->harmless)
		return CURL_SEEKFUNC_FAIL;
	op->body_sent = offset;
	return CURL_SEEKFUNC_OK;
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
	QlmHttpOperation *op = arg;

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
	if (qlm_http_operation_allows(op, &address.any))
		return CURL_PREREQFUNC_OK;
	op->nallowed = 0;
	return CURL_PREREQFUNC_ABORT;
}
#endif

/* Parses the URL by libcurl's own parser. */
static bool
parse_url(QlmHttpOperation *op, const char **error)
{
	const char *text = op->target ? op->target : op->transfer->url;
	char		http[QLM_MAX_URL + sizeof("http")];
	CURLUcode	code;
	Size		len;

	if (qlm_url_is_socket(text))
	{
		/* libcurl resolves ws and wss as http and https. */
		if (snprintf(http, sizeof(http), "http%s", text + 2) >= sizeof(http))
		{
			*error = "the URL is too long";
			return false;
		}
		text = http;
	}
	op->url = curl_url();
	if (op->url == NULL)
		return false;
	code = curl_url_set(op->url, CURLUPART_URL, text, 0);
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

/* Chooses the proxy, if any.  Returns false if that is not allowed. */
static bool
choose_way(QlmHttpOperation *op, const char **error)
{
	QlmTransfer *transfer = op->transfer;

	op->is_proxied = transfer->proxy && *transfer->proxy &&
		(transfer->proxy_for_all || !qlm_address_list_says(qlm_no_proxy, op->host, true));
	if (!op->is_proxied || is_any_address(op) ||
		op->allowed(NULL, op->host, transfer->of_peer))
		return true;
	transfer->forbidden = !op->is_elsewhere;
	*error = "qlm.callback_allow does not name this host, and the proxy resolves it";
	return false;
}

static bool
add_header(QlmHttpOperation *op, const char *line)
{
	struct curl_slist *headers = curl_slist_append(op->headers, line);

	if (headers == NULL)
		return false;
	op->headers = headers;
	return true;
}

static bool
make_headers(QlmHttpOperation *op, const char **error)
{
	const QlmTransfer *transfer = op->transfer;
	const char *type = "Content-Type: text/xml; charset=utf-8";
	char		line[8192];

	if (transfer->form)
		type = "Content-Type: application/x-www-form-urlencoded";
	else if (transfer->json)
		type = "Content-Type: application/json; charset=utf-8";
	if (!add_header(op, type) ||
		!add_header(op, "Expect:"))
		return false;
	if (transfer->authorization && !op->is_elsewhere)
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

/* Sets the limits of a transfer. */
static bool
set_bounds(QlmHttpOperation *op)
{
	int			timeout = Max(op->transfer->timeout_ms - op->spent_ms, 1);
	int			connect = op->transfer->connect_ms > 0 ? op->transfer->connect_ms :
		CONNECT_TIMEOUT_MS;

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Otherwise a name server that does not answer delays all transfers. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, op->is_proxied ? op->transfer->proxy : "");
	SET(CURLOPT_PROXYAUTH, op->is_proxied && qlm_proxy_auth_is_basic(op->transfer->proxy) ?
		(long) CURLAUTH_BASIC : (long) CURLAUTH_ANY);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_TIMEOUT_MS, (long) timeout);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) Min(timeout, connect));
	if (op->transfer->silence_ms > 0)
	{
		int			silence = (op->transfer->silence_ms + 999) / 1000;

		SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
		SET(CURLOPT_LOW_SPEED_TIME, (long) Max(silence - SPEED_SECONDS, 1));
	}
	SET(CURLOPT_MAXAGE_CONN, (long) (op->transfer->idle_s > 0 ?
									 Min(op->transfer->idle_s, IDLE_SECONDS) : IDLE_SECONDS));
#if LIBCURL_VERSION_NUM >= 0x075000
	/* After that the host may have another address. */
	SET(CURLOPT_MAXLIFETIME_CONN, (long) qlm_connection_age);
#endif
	SET(CURLOPT_DNS_CACHE_TIMEOUT, (long) Min(NAME_SECONDS, qlm_connection_age));
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, op);
	if (!is_any_address(op) && !op->is_proxied)
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
set_request(QlmHttpOperation *op)
{
	const QlmTransfer *transfer = op->transfer;
	Size		len = transfer->body_len;

	if (transfer->form)
	{
		op->form = qlm_form_encode(op->context, transfer->body,
								   transfer->body_len, &len);
		if (op->form == NULL)
			return false;
	}
	SET(CURLOPT_CURLU, op->url);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) len);
	op->body = op->form ? op->form : transfer->body ? transfer->body : "";
	op->body_len = len;
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, op);
	SET(CURLOPT_SEEKFUNCTION, seek_body);
	SET(CURLOPT_SEEKDATA, op);
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
set_connection(QlmHttpOperation *op)
{
	SET(CURLOPT_CURLU, op->url);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
	SET(CURLOPT_ERRORBUFFER, op->error);
	return true;
}

bool
qlm_http_operation_prepare_socket(QlmHttpOperation *op, QlmTransfer *transfer,
								  const char **error)
{
	op->transfer = transfer;
	*error = "out of memory";
	return op->easy != NULL && parse_url(op, error) &&
		choose_way(op, error) && set_bounds(op) &&
		set_connection(op);
}

bool
qlm_http_operation_prepare(QlmHttpOperation *op, QlmTransfer *transfer,
						   const char **error)
{
	op->transfer = transfer;
	*error = "out of memory";
	return op->easy != NULL && parse_url(op, error) &&
		choose_way(op, error) && make_headers(op, error) && set_bounds(op) && set_request(op);
}

/*
 * The other end closed a reused connection while the request was on its way.
 * libcurl, which would repeat it, shows that by rewinding the body.
 */
static bool
ended_without_a_word(QlmHttpOperation *op, CURLcode code)
{
	long		nconnects = 0;

	if (op->header_size > 0 || op->body_sent == 0)
		return false;
	if (code == CURLE_SEND_FAIL_REWIND)
		return true;
	return (code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) &&
		curl_easy_getinfo(op->easy, CURLINFO_NUM_CONNECTS, &nconnects) == CURLE_OK &&
		nconnects == 0;
}

void
qlm_http_operation_set_error(QlmHttpOperation *op, CURLcode code)
{
	QlmTransfer *transfer = op->transfer;
	char		text[sizeof(transfer->error)];
	long		connect_status = 0;

	if (op->is_proxied)
		curl_easy_getinfo(op->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 300)
		snprintf(text, sizeof(text), "the proxy answered with HTTP status %ld%s", connect_status,
				 connect_status == 407 ? ", it wants other credentials" : "");
	else if (op->stop == QLM_STOP_SIZE)
		snprintf(text, sizeof(text),
				 "the answer is larger than qlm.max_message_size (%d bytes)",
				 qlm_max_message_size);
	else if (op->stop == QLM_STOP_HEADERS)
		snprintf(text, sizeof(text),
				 "the headers of the answer are larger than %d bytes",
				 QLM_MAX_HTTP_HEADERS);
	else if (op->stop == QLM_STOP_MEMORY)
		strlcpy(text, "out of memory", sizeof(text));
	else if (op->refused[0] && op->nallowed == 0)
	{
		transfer->forbidden = !op->is_elsewhere;
		snprintf(text, sizeof(text), "qlm.callback_allow does not allow %s",
				 op->refused);
	}
	else if (code == CURLE_SEND_FAIL_REWIND)
		strlcpy(text, "it ended the connection without an answer", sizeof(text));
	else
		strlcpy(text, op->error[0] ? op->error : curl_easy_strerror(code),
				sizeof(text));
	transfer->timed_out = code == CURLE_OPERATION_TIMEDOUT && transfer->sent;
	transfer->stale = ended_without_a_word(op, code);
	if (op->target)
	{
		char		redirected[sizeof(transfer->error)];

		snprintf(redirected, sizeof(redirected), "redirected to %.120s: %s", transfer->location, text);
		qlm_transfer_set_error(transfer, redirected);
	}
	else
		qlm_transfer_set_error(transfer, text);
}

/* Returns the Retry-After, in seconds, of a receiver that is overloaded. */
static int
retry_after(QlmHttpOperation *op, long status)
{
	curl_off_t	seconds = 0;

	if ((status != 429 && status != 503) ||
		curl_easy_getinfo(op->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
		return 0;
	return (int) Max(Min(seconds, PG_INT32_MAX), 0);
}

/* Notes the address of the other end, or that of the proxy. */
static void
note_address(QlmHttpOperation *op)
{
	QlmTransfer *transfer = op->transfer;
	char	   *ip = NULL;
	long		port = 0;

	if (curl_easy_getinfo(op->easy, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || ip == NULL || *ip == '\0' ||
		curl_easy_getinfo(op->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
		return;
	snprintf(transfer->address, sizeof(transfer->address), strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld",
			 ip, port);
}

/* Returns the microseconds from the start, or 0 if it did not get that far. */
static int
time_of(QlmHttpOperation *op, CURLINFO what)
{
	curl_off_t	us = 0;

	if (curl_easy_getinfo(op->easy, what, &us) != CURLE_OK)
		return 0;
	return (int) Min(us, PG_INT32_MAX);
}

static QlmReach
reach_of(QlmHttpOperation *op, long status)
{
	const char *url = op->target ? op->target : op->transfer->url;
	bool		is_tls = pg_strncasecmp(url, "https:", 6) == 0;
	long		connect_status = 0;

	if (status > 0)
		return QLM_REACH_ANSWER;
	if (op->body_sent > 0 || time_of(op, CURLINFO_PRETRANSFER_TIME_T) > 0)
		return QLM_REACH_SENT;
	if (is_tls && time_of(op, CURLINFO_APPCONNECT_TIME_T) > 0)
		return QLM_REACH_TLS;
	curl_easy_getinfo(op->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 200 && connect_status < 300)
		return QLM_REACH_PROXY;
	if (op->transfer->address[0])
		return QLM_REACH_CONNECTION;
	return time_of(op, CURLINFO_NAMELOOKUP_TIME_T) > 0 ? QLM_REACH_NAME : QLM_REACH_NOTHING;
}

static void
note_proxy(QlmHttpOperation *op, long status)
{
	long		asked = 0;
	long		tunnel = 0;

	curl_easy_getinfo(op->easy, CURLINFO_PROXYAUTH_AVAIL, &asked);
	curl_easy_getinfo(op->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	qlm_proxy_auth_note(op->transfer->proxy, status, tunnel, asked == (long) CURLAUTH_BASIC);
}

/* Notes the connection, the target of a redirect, and Retry-After. */
static void
note_outcome(QlmHttpOperation *op, long status)
{
	QlmTransfer *transfer = op->transfer;
	char	   *location = NULL;

	transfer->retry_after = retry_after(op, status);
	if (curl_easy_getinfo(op->easy, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location)
		qlm_transfer_copy(transfer->location, location, sizeof(transfer->location));
	note_address(op);
	transfer->reach = reach_of(op, status);
	transfer->name_us = time_of(op, CURLINFO_NAMELOOKUP_TIME_T);
	transfer->connect_us = Max(time_of(op, CURLINFO_CONNECT_TIME_T) - transfer->name_us, 0);
	if (op->is_proxied)
	{
		qlm_transfer_copy(transfer->through, transfer->proxy, sizeof(transfer->through));
		note_proxy(op, status);
	}
}

/*
 * An incomplete answer counts as none, unless it was too long.  libcurl takes
 * a connection that ends among the headers for a complete answer.
 */
void
qlm_http_operation_finish(QlmHttpOperation *op, CURLcode code)
{
	QlmTransfer *transfer = op->transfer;
	long		status = 0;

	transfer->sent = op->body_sent > 0;
	curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
	note_outcome(op, status);
	if (code == CURLE_OK && (!op->has_headers || status < 200))
		code = CURLE_GOT_NOTHING;
	if (code == CURLE_OK || op->stop == QLM_STOP_SIZE)
		transfer->status = (int) status;
	else
	{
		transfer->answer.len = 0;
		transfer->answer.data[0] = '\0';
	}
	if (code != CURLE_OK)
		qlm_http_operation_set_error(op, code);
}
