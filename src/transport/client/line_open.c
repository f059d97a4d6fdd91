/*
 * line_open.c
 *		How a WebSocket that this node opens comes to be: the library resolves
 *		the name, connects and does TLS, with the same checks as for HTTP; the
 *		upgrade is asked for here.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base64.h"
#include "utils/memutils.h"

#include "base/limits.h"
#include "transport/client/line.h"
#include "transport/client/outgoing.h"

#define MAX_EVENTS		8
#define NONCE_LEN		16
#define MAX_BASIC		1024	/* name and secret in a URL */

/* What the library waits for while it connects.  What cannot be watched ends
 * by its timeout. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	QlmLine    *line = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (what == CURL_POLL_REMOVE)
		(void) epoll_ctl(line->epoll, EPOLL_CTL_DEL, fd, &event);
	else if (epoll_ctl(line->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
			 errno == ENOENT)
		(void) epoll_ctl(line->epoll, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

static bool
create_epoll(QlmLine *line)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};

	line->epoll = epoll_create1(EPOLL_CLOEXEC);
	return line->epoll >= 0 &&
		epoll_ctl(line->lines->epoll, EPOLL_CTL_ADD, line->epoll, &event) == 0;
}

static bool
create_multi(QlmLine *line)
{
	sigset_t	before;
	bool		added;

	line->multi = curl_multi_init();
	if (line->multi == NULL)
		return false;
	curl_multi_setopt(line->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(line->multi, CURLMOPT_SOCKETDATA, line);
	qlm_http_block_signals(&before);
	added = curl_multi_add_handle(line->multi, line->op->easy) == CURLM_OK;
	qlm_http_restore_signals(&before);
	return added;
}

void
qlm_line_connect(QlmLine *line)
{
	const char *error = "out of memory";

	line->state = QLM_LINE_CONNECTING;
	line->op = qlm_http_operation_create(line->lines->context, line->lines->allowed);
	if (!qlm_http_operation_prepare_socket(line->op, line->transfer, &error))
		qlm_line_refuse(line, 0, error);
	else if (!create_epoll(line) || !create_multi(line))
		qlm_line_fail(line, "out of memory or descriptors");
}

/* Everything that belongs to the connection; what it was for stays. */
void
qlm_line_disconnect(QlmLine *line)
{
	sigset_t	before;

	qlm_http_block_signals(&before);
	if (line->multi && line->op->easy)
		curl_multi_remove_handle(line->multi, line->op->easy);
	if (line->op)
		qlm_http_operation_free(line->op);
	if (line->multi)
		curl_multi_cleanup(line->multi);
	qlm_http_restore_signals(&before);
	if (line->epoll >= 0)
		close(line->epoll);
	while (line->npieces > 0)
	{
		pfree(slist_container(QlmLinePiece, node, slist_pop_head_node(&line->pieces)));
		line->npieces--;
	}
	if (line->head)
		pfree(line->head);
	line->nconnections++;
	line->op = NULL;
	line->multi = NULL;
	line->epoll = -1;
	line->fd = CURL_SOCKET_BAD;
	line->head = NULL;
	line->head_len = line->piece_at = 0;
	line->in_message = line->has_more = line->wants_to_send = false;
	line->was_used = line->answers_pings = false;
	line->npushes = line->nanswers = 0;
	line->pinged_at = 0;
}

/*
 * The address that it leads to is asked for again before each push: what is
 * allowed may have changed.
 */
bool
qlm_line_is_its_address(QlmLine *line)
{
	struct sockaddr_storage address;
	socklen_t	len = sizeof(address);

	line->op->transfer = line->transfer;
	if (getpeername(line->fd, (struct sockaddr *) &address, &len) != 0)
		return false;
	if (qlm_http_operation_allows(line->op, (struct sockaddr *) &address))
		return true;
	line->op->nallowed = 0;
	qlm_http_operation_set_error(line->op, CURLE_COULDNT_CONNECT);
	return false;
}

static char *
part_of_url(QlmLine *line, CURLUPart part, unsigned int flags)
{
	char	   *text = NULL;

	return curl_url_get(line->op->url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/* A name and secret in the URL, as curl sends them to http; NULL: none */
static const char *
basic_authorization(QlmLine *line, char *to, Size size)
{
	char	   *user = part_of_url(line, CURLUPART_USER, CURLU_URLDECODE);
	char	   *password = part_of_url(line, CURLUPART_PASSWORD, CURLU_URLDECODE);
	char		text[MAX_BASIC];
	int			prefix = strlcpy(to, "Basic ", size);
	int			len = snprintf(text, sizeof(text), "%s:%s", user ? user : "",
							   password ? password : "");
	bool		given = user != NULL;

	curl_free(user);
	curl_free(password);
	if (!given || len >= (int) sizeof(text))
		return NULL;
	len = pg_b64_encode((const void *) text, len, to + prefix, size - prefix - 1);
	if (len < 0)
		return NULL;
	to[prefix + len] = '\0';
	return to;
}

static Size
print_request(QlmLine *line, const char *key, char *to, Size size)
{
	char		basic[2 * MAX_BASIC];
	char	   *host = part_of_url(line, CURLUPART_HOST, 0);
	char	   *port = part_of_url(line, CURLUPART_PORT, 0);
	char	   *path = part_of_url(line, CURLUPART_PATH, 0);
	char	   *query = part_of_url(line, CURLUPART_QUERY, 0);
	QlmUpgrade	upgrade = {
		host ? host : "", port, path ? path : "/", query,
		line->authorization ? line->authorization :
		basic_authorization(line, basic, sizeof(basic)), key, "qlm/" QLM_VERSION
	};
	Size		len = 0;

	if (upgrade.authorization == NULL || strpbrk(upgrade.authorization, "\r\n") == NULL)
		len = qlm_upgrade_request(to, size, &upgrade);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(query);
	return len;
}

static bool
make_key(QlmLine *line, char key[QLM_KEY_SIZE])
{
	uint8		nonce[NONCE_LEN];
	int			len;

	if (!pg_strong_random(nonce, sizeof(nonce)))
		return false;
	len = pg_b64_encode((const void *) nonce, sizeof(nonce), key, QLM_KEY_SIZE - 1);
	if (len < 0)
		return false;
	key[len] = '\0';
	return qlm_handshake_accept(key, line->accept);
}

static void
ask(QlmLine *line)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = line->fd};
	char		key[QLM_KEY_SIZE];
	QlmLinePiece *piece = qlm_line_alloc(line, offsetof(QlmLinePiece, data) + QLM_MAX_UPGRADE);

	line->head = qlm_line_alloc(line, QLM_MAX_UPGRADE + 1);
	if (piece == NULL || line->head == NULL || !make_key(line, key))
	{
		if (piece)
			pfree(piece);
		qlm_line_fail(line, "out of memory");
		return;
	}
	piece->len = print_request(line, key, piece->data, QLM_MAX_UPGRADE);
	if (piece->len == 0)
	{
		pfree(piece);
		qlm_line_refuse(line, 0, "the URL or the authorization does not fit a header");
		return;
	}
	if (epoll_ctl(line->epoll, EPOLL_CTL_ADD, line->fd, &event) != 0 && errno == EEXIST)
		(void) epoll_ctl(line->epoll, EPOLL_CTL_MOD, line->fd, &event);
	(void) pg_strong_random(&line->secret, sizeof(line->secret));
	line->state = QLM_LINE_ASKING;
	qlm_line_send(line, piece);
}

static void
take_result(QlmLine *line)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(line->multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		if (code == CURLE_OK)
			code = curl_easy_getinfo(line->op->easy, CURLINFO_ACTIVESOCKET, &line->fd);
		if (code == CURLE_OK && line->fd != CURL_SOCKET_BAD)
			ask(line);
		else
		{
			qlm_http_operation_set_error(line->op, code);
			qlm_line_fail(line, NULL);
		}
		return;
	}
}

void
qlm_line_go_on_connecting(QlmLine *line)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(line->epoll, events, MAX_EVENTS, 0);
	long		timeout = -1;
	int			running;
	sigset_t	before;

	qlm_http_block_signals(&before);
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(line->multi, events[i].data.fd,
								 (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
								 (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
								 (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
								 &running);
	curl_multi_timeout(line->multi, &timeout);
	if (timeout == 0)
		curl_multi_socket_action(line->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	qlm_http_restore_signals(&before);
	take_result(line);
}

static void
be_open(QlmLine *line)
{
	pfree(line->head);
	line->head = NULL;
	line->head_len = 0;
	line->state = QLM_LINE_OPEN;
	line->opened_at = qlm_line_now();
	qlm_frame_reader_init(&line->reader, qlm_max_message_size);
	line->reader.from_server = true;
	qlm_line_push(line);
}

/* Seconds, or a date; 0: it is neither, or over */
static int
retry_after(const char *value)
{
	time_t		date;

	if (*value && strspn(value, "0123456789") == strlen(value))
		return (int) Min(strtod(value, NULL), PG_INT32_MAX);
	date = *value ? curl_getdate(value, NULL) : -1;
	return date < 0 ? 0 : (int) Max(Min(date - time(NULL), PG_INT32_MAX), 0);
}

/* What an answer says besides that it is no WebSocket */
static void
note_answer(QlmLine *line)
{
	QlmTransfer *transfer = line->transfer;
	char		value[256];

	if (transfer == NULL || strncmp(line->head, "HTTP/1.1 ", 9) != 0)
		return;
	if (line->head[9] == '3')
	{
		qlm_upgrade_value(line->head, "Location", value, sizeof(value));
		qlm_outgoing_copy(transfer->location, value, sizeof(transfer->location));
	}
	else if (strncmp(line->head + 9, "429", 3) == 0 || strncmp(line->head + 9, "503", 3) == 0)
	{
		qlm_upgrade_value(line->head, "Retry-After", value, sizeof(value));
		transfer->retry_after = retry_after(value);
	}
}

static void
refuse(QlmLine *line, const char *problem, int status)
{
	const char *location = line->transfer ? line->transfer->location : "";
	char		error[sizeof(line->transfer->error)];

	if (status > 0 && status != 101)
		snprintf(error, sizeof(error), "%s: it answered with HTTP status %d%s%.150s", problem, status,
				 *location ? " and sends to " : "", location);
	else
		strlcpy(error, problem, sizeof(error));
	qlm_line_refuse(line, status >= 300 ? status : 0, error);
}

/* Bytes of the answer to the upgrade, and perhaps frames behind it */
void
qlm_line_take_head(QlmLine *line, const char *data, Size len)
{
	Size		taken = Min(len, QLM_MAX_UPGRADE - line->head_len);
	char	   *rest = line->lines->buffer;
	Size		end;
	Size		nrest;
	const char *problem;
	int			status;

	memcpy(line->head + line->head_len, data, taken);
	line->head_len += taken;
	end = qlm_upgrade_head(line->head, line->head_len);
	if (end == 0)
	{
		if (line->head_len == QLM_MAX_UPGRADE)
			qlm_line_fail(line, "the headers of its answer are too large");
		return;
	}

	/* All that came with this read lies at the end of what was given. */
	nrest = line->head_len - end + (len - taken);
	memmove(rest, data + len - nrest, nrest);
	line->head[end] = '\0';
	note_answer(line);
	problem = qlm_upgrade_problem(line->head, line->accept, &status, &line->acknowledges);
	if (problem)
	{
		refuse(line, problem, status);
		return;
	}
	be_open(line);
	if (nrest > 0)
		qlm_line_take_frames(line, rest, nrest);
}
