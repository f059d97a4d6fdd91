/*
 * client_socket.c
 *		A WebSocket that this node opens: it connects, asks for the upgrade,
 *		and pushes envelopes one after the other, each followed by a ping.
 *
 * What the other end sends is limited.  An envelope is kept as the answer to
 * the last push, since it may refuse that.  If the other end does not answer
 * pings correctly, any message after a push counts as its acknowledgement,
 * unless it says otherwise.
 */
#include "postgres.h"

#include <sys/uio.h>
#include <time.h>

#include "utils/memutils.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "transport/client/client_socket.h"
#include "transport/client/upgrade.h"

#define MAX_READS		16		/* reads in a turn */
#define MAX_PIECES		100		/* pieces in a turn, and so pongs */
#define OLD_MS			5000	/* after that an idle connection may be dead */
#define PONG_MS			10000
#define CLOSE_MS		1000
#define PING_SIZE		32
#define MAX_ANSWER		(64 * 1024)	/* longer messages are not kept */

int64
qlm_client_socket_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000) + now.tv_nsec / 1000000;
}

/* Ends the transfer. */
static void
finish(QlmClientSocket *socket)
{
	socket->is_finished = true;
	dlist_push_tail(&socket->shared->finished, &socket->finished_node);
}

/*
 * Ends the socket, and its transfer for good: another attempt would end the
 * same way.  status: an HTTP status, or 0
 */
static void
refuse(QlmClientSocket *socket, int status, const char *error)
{
	QlmTransfer *transfer = socket->transfer;

	socket->state = QLM_CLIENT_SOCKET_GONE;
	if (transfer == NULL || socket->is_finished)
		return;
	if (error)
		qlm_transfer_set_error(transfer, error);
	transfer->status = status;
	finish(socket);
}

static void connect_anew(QlmClientSocket *socket);

/*
 * Ends the socket.  If the connection may have been dead for long, a new one
 * is tried first.
 */
static void
fail(QlmClientSocket *socket, const char *error)
{
	if (socket->transfer == NULL || socket->is_finished || !socket->was_used)
		refuse(socket, 0, error);
	else
		connect_anew(socket);
}

/* Frees everything that belongs to the connection, but not the transfer. */
static void
disconnect(QlmClientSocket *socket)
{
	qlm_client_connection_end(&socket->connection);
	(void) qlm_frame_queue_clear(&socket->out);
	qlm_frame_queue_init(&socket->out);
	if (socket->head)
		pfree(socket->head);
	socket->nconnections++;
	socket->head = NULL;
	socket->head_len = 0;
	socket->in_message = socket->has_more = false;
	socket->was_used = socket->answers_pings = false;
	socket->npushes = socket->nanswers = 0;
	socket->pinged_at = 0;
}

static void
connect_first(QlmClientSocket *socket)
{
	const char *error = "out of memory";

	socket->state = QLM_CLIENT_SOCKET_CONNECTING;
	if (!qlm_client_connection_prepare(&socket->connection, socket->shared->context,
									   socket->shared->allowed, socket->transfer, &error))
		refuse(socket, 0, error);
	else if (!qlm_client_connection_begin(&socket->connection, socket->shared->epoll, socket))
		refuse(socket, 0, "out of memory or descriptors");
}

static void
connect_anew(QlmClientSocket *socket)
{
	disconnect(socket);
	connect_first(socket);
}

/*
 * Appends a frame to those to be sent; NULL means that there was no memory for
 * it.
 */
static void
send_frame(QlmClientSocket *socket, QlmQueuedFrame *frame)
{
	if (frame == NULL)
		refuse(socket, 0, "out of memory");
	else
		qlm_frame_queue_add(&socket->out, frame);
}

static QlmQueuedFrame *
make_frame(QlmClientSocket *socket, QlmFrameKind kind, const char *payload, Size len)
{
	QlmQueuedFrame *frame = qlm_frame_alloc(socket->shared->context,
											QLM_MAX_MASKED_HEADER + len);
	uint8		mask[4];

	if (frame == NULL || !pg_strong_random(mask, sizeof(mask)))
	{
		if (frame)
			pfree(frame);
		return NULL;
	}
	frame->len = qlm_frame_masked(frame->data, kind, mask, payload, len);
	return frame;
}

static void
send_control(QlmClientSocket *socket, QlmFrameKind kind, const char *payload, Size len)
{
	if (socket->out.n > MAX_PIECES)
		fail(socket, "it sends more pings than it reads answers");
	else
		send_frame(socket, make_frame(socket, kind, payload, len));
}

/*
 * The payload of the ping after a push.  It contains a random number, so only
 * an end that has read it can answer it.
 */
static void
print_ping(const QlmClientSocket *socket, char *to, Size size)
{
	snprintf(to, size, "%08x-" UINT64_FORMAT, socket->secret, socket->npushes);
}

static void
ping(QlmClientSocket *socket)
{
	char		payload[PING_SIZE];

	print_ping(socket, payload, sizeof(payload));
	send_control(socket, QLM_FRAME_PING, payload, strlen(payload));
}

/* Sends the envelope of the transfer. */
static void
push(QlmClientSocket *socket)
{
	const QlmTransfer *transfer = socket->transfer;

	socket->npushes++;
	socket->pushed_at = socket->heard_at = qlm_client_socket_now();
	socket->pinged_at = 0;
	socket->is_heard = socket->is_sent = false;
	socket->nread = 0;
	socket->transfer->answer.len = 0;
	send_frame(socket, make_frame(socket, QLM_FRAME_TEXT, transfer->body, transfer->body_len));
	if (socket->state == QLM_CLIENT_SOCKET_OPEN)
		ping(socket);
}

static void
be_acknowledged(QlmClientSocket *socket)
{
	if (socket->transfer == NULL || socket->is_finished)
		return;
	socket->was_used = true;
	socket->transfer->status = 200;
	finish(socket);
}

static void
take_pong(QlmClientSocket *socket, const QlmFrame *frame)
{
	char		current[PING_SIZE];

	print_ping(socket, current, sizeof(current));
	if (strcmp(frame->payload, current) != 0)
		return;
	socket->answers_pings = true;
	if (!socket->acknowledges)
		be_acknowledged(socket);
}

/* Does the text begin like an envelope in XML or JSON? */
static bool
looks_like_envelope(const char *data, Size len)
{
	while (len > 0 && isspace((unsigned char) *data))
	{
		data++;
		len--;
	}
	return len > 0 && (*data == '<' || *data == '{');
}

/*
 * Keeps a message that may be the answer to the push; a later one replaces it.
 */
static void
keep_answer(QlmClientSocket *socket, const QlmFrame *frame, bool begins)
{
	StringInfo	answer;

	if (socket->transfer == NULL || socket->is_finished || !socket->is_envelope || !socket->is_sent)
		return;
	answer = &socket->transfer->answer;
	if (begins)
		answer->len = 0;
	if (answer->len + frame->len > MAX_ANSWER ||
		qlm_transfer_collect(socket->shared->context, answer, frame->payload, frame->len) < 0)
		answer->len = 0;
}

/*
 * The n-th message counts as the answer to the n-th push, unless the other end
 * answers pings: in that case its messages need not be answers.
 */
static void
take_message(QlmClientSocket *socket, const QlmFrame *frame, bool complete)
{
	if (!socket->in_message)
		socket->is_envelope = looks_like_envelope(frame->payload, frame->len);
	keep_answer(socket, frame, !socket->in_message);
	socket->in_message = !complete;
	if (!complete || !socket->is_envelope || !socket->is_sent)
		return;
	socket->nanswers++;
	if ((!socket->answers_pings || socket->acknowledges) && socket->nanswers >= socket->npushes)
		be_acknowledged(socket);
}

/*
 * Returns the status for a close code, which decides whether the push is tried
 * again.
 */
static int
status_of_code(int code)
{
	switch (code)
	{
		case QLM_CLOSE_NOT_UTF8:
			return 400;
		case QLM_CLOSE_POLICY:
			return 403;
		case QLM_CLOSE_TOO_LARGE:
			return 413;
		case QLM_CLOSE_NOT_TAKEN:
			return 415;
		default:
			return 0;
	}
}

void
qlm_client_socket_close(QlmClientSocket *socket, int code)
{
	char		payload[QLM_MAX_CONTROL];
	int			len = qlm_frame_close(payload, code, "");

	if (socket->state != QLM_CLIENT_SOCKET_OPEN)
	{
		socket->state = QLM_CLIENT_SOCKET_GONE;
		return;
	}
	send_control(socket, QLM_FRAME_CLOSE, payload, len);
	if (socket->state == QLM_CLIENT_SOCKET_OPEN)
		socket->state = QLM_CLIENT_SOCKET_CLOSING;
	socket->close_by = qlm_client_socket_now() + CLOSE_MS;
}

static void
take_close(QlmClientSocket *socket, const QlmFrame *frame)
{
	char		error[256];
	int			status = status_of_code(frame->code);

	if (socket->transfer && !socket->is_finished)
	{
		snprintf(error, sizeof(error), "it closed the WebSocket (%d%s%s)", frame->code,
				 frame->len > 0 ? ": " : "", frame->len > 0 ? frame->payload : "");
		if (status != 0)
			refuse(socket, status, error);
		else
			fail(socket, error);
	}
	else if (socket->state == QLM_CLIENT_SOCKET_OPEN)
		qlm_client_socket_close(socket, frame->code);
	else
		socket->state = QLM_CLIENT_SOCKET_GONE;
}

static void
take_control(QlmClientSocket *socket, const QlmFrame *frame)
{
	if (frame->kind == QLM_FRAME_CLOSE)
		take_close(socket, frame);
	else if (frame->kind == QLM_FRAME_PONG)
		take_pong(socket, frame);
	else if (socket->state == QLM_CLIENT_SOCKET_OPEN)
		send_control(socket, QLM_FRAME_PONG, frame->payload, frame->len);
}

static void
take_frames(QlmClientSocket *socket, char *data, Size len)
{
	/* After a reconnect the rest of these bytes is ignored. */
	uint64		connection = socket->nconnections;

	while (len > 0 && socket->nconnections == connection &&
		   (socket->state == QLM_CLIENT_SOCKET_OPEN || socket->state == QLM_CLIENT_SOCKET_CLOSING))
	{
		QlmFrame	frame;

		switch (qlm_frame_read(&socket->reader, &data, &len, &frame))
		{
			case QLM_FRAME_PART:
				take_message(socket, &frame, false);
				break;
			case QLM_FRAME_MESSAGE:
				take_message(socket, &frame, true);
				break;
			case QLM_FRAME_CONTROL:
				take_control(socket, &frame);
				break;
			case QLM_FRAME_BAD:
				fail(socket, frame.error);
				return;
			case QLM_FRAME_MORE:
				break;
		}
	}
}

/* The connection is open: sends the request for the upgrade. */
static void
ask(QlmClientSocket *socket)
{
	QlmQueuedFrame *request =
		qlm_client_connection_request(&socket->connection, socket->shared->context,
									  socket->authorization, socket->accept);

	socket->head = MemoryContextAllocExtended(socket->shared->context, QLM_MAX_UPGRADE + 1,
											MCXT_ALLOC_NO_OOM);
	if (request && socket->head && request->len > 0)
	{
		(void) pg_strong_random(&socket->secret, sizeof(socket->secret));
		socket->state = QLM_CLIENT_SOCKET_ASKING;
		send_frame(socket, request);
		return;
	}
	if (request && request->len == 0)
		refuse(socket, 0, "the URL or the authorization does not fit a header");
	else
		fail(socket, "out of memory");
	if (request)
		pfree(request);
}

static void
be_open(QlmClientSocket *socket)
{
	pfree(socket->head);
	socket->head = NULL;
	socket->head_len = 0;
	socket->state = QLM_CLIENT_SOCKET_OPEN;
	socket->opened_at = qlm_client_socket_now();
	qlm_frame_reader_init(&socket->reader, qlm_max_message_size);
	socket->reader.from_server = true;
	push(socket);
}

/*
 * Parses Retry-After, in seconds or as a date; 0 if it is invalid or in the
 * past.
 */
static int
retry_after(const char *value)
{
	time_t		date;

	if (*value && strspn(value, "0123456789") == strlen(value))
		return (int) Min(strtod(value, NULL), PG_INT32_MAX);
	date = *value ? curl_getdate(value, NULL) : -1;
	return date < 0 ? 0 : (int) Max(Min(date - time(NULL), PG_INT32_MAX), 0);
}

/* Notes the other contents of an answer that refuses the upgrade. */
static void
note_answer(QlmClientSocket *socket)
{
	QlmTransfer *transfer = socket->transfer;
	char		value[256];

	if (transfer == NULL || strncmp(socket->head, "HTTP/1.1 ", 9) != 0)
		return;
	if (socket->head[9] == '3')
	{
		qlm_upgrade_value(socket->head, "Location", value, sizeof(value));
		qlm_transfer_copy(transfer->location, value, sizeof(transfer->location));
	}
	else if (strncmp(socket->head + 9, "429", 3) == 0 || strncmp(socket->head + 9, "503", 3) == 0)
	{
		qlm_upgrade_value(socket->head, "Retry-After", value, sizeof(value));
		transfer->retry_after = retry_after(value);
	}
}

static void
refuse_answer(QlmClientSocket *socket, const char *problem, int status)
{
	const char *location = socket->transfer ? socket->transfer->location : "";
	char		error[sizeof(socket->transfer->error)];

	if (status > 0 && status != 101)
		snprintf(error, sizeof(error), "%s: it answered with HTTP status %d%s%.150s", problem, status,
				 *location ? " and sends to " : "", location);
	else
		strlcpy(error, problem, sizeof(error));
	refuse(socket, status >= 300 ? status : 0, error);
}

/* Processes bytes of the answer to the upgrade, and frames that may follow. */
static void
take_head(QlmClientSocket *socket, const char *data, Size len)
{
	Size		taken = Min(len, QLM_MAX_UPGRADE - socket->head_len);
	char	   *rest = socket->shared->buffer;
	Size		end;
	Size		nrest;
	const char *problem;
	int			status;

	memcpy(socket->head + socket->head_len, data, taken);
	socket->head_len += taken;
	end = qlm_upgrade_head(socket->head, socket->head_len);
	if (end == 0)
	{
		if (socket->head_len == QLM_MAX_UPGRADE)
			fail(socket, "the headers of its answer are too large");
		return;
	}

	/* The rest of this read is at the end of the bytes given. */
	nrest = socket->head_len - end + (len - taken);
	memmove(rest, data + len - nrest, nrest);
	socket->head[end] = '\0';
	note_answer(socket);
	problem = qlm_upgrade_problem(socket->head, socket->accept, &status, &socket->acknowledges);
	if (problem)
	{
		refuse_answer(socket, problem, status);
		return;
	}
	be_open(socket);
	if (nrest > 0)
		take_frames(socket, rest, nrest);
}

static void
read_some(QlmClientSocket *socket)
{
	uint64		connection = socket->nconnections;
	char	   *buffer = socket->shared->buffer;

	socket->has_more = true;
	for (int i = 0; i < MAX_READS && socket->has_more; i++)
	{
		Size		n = 0;
		CURLcode	code = curl_easy_recv(socket->connection.op->easy, buffer, QLM_CLIENT_SOCKET_BUFFER, &n);

		if (code == CURLE_AGAIN)
		{
			socket->has_more = false;
			break;
		}
		if (code != CURLE_OK || n == 0)
		{
			fail(socket, "it ended the connection");
			return;
		}
		socket->heard_at = qlm_client_socket_now();
		socket->pinged_at = 0;
		socket->is_heard = true;
		socket->nread += n;
		if (socket->nread > qlm_max_message_size + QLM_CLIENT_SOCKET_BUFFER)
		{
			refuse(socket, 0, "it sends more than qlm.max_message_size between two messages");
			return;
		}
		if (socket->state == QLM_CLIENT_SOCKET_ASKING)
			take_head(socket, buffer, n);
		else
			take_frames(socket, buffer, n);
		if (socket->nconnections != connection || socket->state == QLM_CLIENT_SOCKET_GONE)
			return;
	}
}

/* After a partial write the same bytes must be given again, as TLS requires. */
static void
send_some(QlmClientSocket *socket)
{
	struct iovec piece;

	while (qlm_frame_queue_pieces(&socket->out, &piece, 1) > 0)
	{
		Size		n = 0;
		CURLcode	code = curl_easy_send(socket->connection.op->easy, piece.iov_base,
										  piece.iov_len, &n);

		if (code == CURLE_AGAIN || (code == CURLE_OK && n == 0))
			return;
		if (code != CURLE_OK)
		{
			fail(socket, "it ended the connection");
			return;
		}
		(void) qlm_frame_queue_sent(&socket->out, n);
	}
	socket->is_sent = true;
}

static void
go_on_connecting(QlmClientSocket *socket)
{
	switch (qlm_client_connection_go_on(&socket->connection))
	{
		case QLM_CONNECTED:
			ask(socket);
			break;
		case QLM_CONNECT_FAILED:
			fail(socket, NULL);
			break;
		case QLM_CONNECTING:
			break;
	}
}

static bool
is_up(const QlmClientSocket *socket)
{
	return socket->state == QLM_CLIENT_SOCKET_ASKING || socket->state == QLM_CLIENT_SOCKET_OPEN ||
		socket->state == QLM_CLIENT_SOCKET_CLOSING;
}

void
qlm_client_socket_go_on(QlmClientSocket *socket)
{
	if (socket->state == QLM_CLIENT_SOCKET_CONNECTING)
		go_on_connecting(socket);
	if (is_up(socket))
		send_some(socket);
	if (is_up(socket))
		read_some(socket);
	if (is_up(socket))
		send_some(socket);
	if (is_up(socket))
		qlm_client_connection_watch(&socket->connection, socket->out.n > 0);
}

static bool
is_pushing(const QlmClientSocket *socket)
{
	return socket->transfer && !socket->is_finished;
}

/* Was it open before, and has nothing arrived since the push? */
static bool
may_be_dead(const QlmClientSocket *socket)
{
	return socket->state == QLM_CLIENT_SOCKET_OPEN && socket->was_used && !socket->is_heard;
}

static void
check_push(QlmClientSocket *socket, int64 now)
{
	char		error[128];

	if (now >= socket->deadline)
	{
		snprintf(error, sizeof(error), socket->state == QLM_CLIENT_SOCKET_OPEN ?
				 "it has not acknowledged the message within %d milliseconds" :
				 "the WebSocket could not be opened within %d milliseconds",
				 socket->transfer->timeout_ms);
		refuse(socket, 0, error);
	}
	else if (may_be_dead(socket) && now >= socket->pushed_at + OLD_MS)
		fail(socket, "it shows no life");
}

/* Is there something to send that the epoll set does not know of? */
static bool
has_unwatched(const QlmClientSocket *socket)
{
	return socket->out.n > 0 && !socket->connection.wants_to_send;
}

static void
check_times(QlmClientSocket *socket, int64 now)
{
	if (socket->state == QLM_CLIENT_SOCKET_CLOSING)
	{
		if (now >= socket->close_by)
			socket->state = QLM_CLIENT_SOCKET_GONE;
	}
	else if (is_pushing(socket))
		check_push(socket, now);
	else if (socket->state != QLM_CLIENT_SOCKET_OPEN)
		return;
	else if (socket->pinged_at > 0)
	{
		if (now >= socket->pinged_at + PONG_MS)
			socket->state = QLM_CLIENT_SOCKET_GONE;
	}
	else if (now >= socket->heard_at + qlm_ping_interval)
	{
		ping(socket);
		socket->pinged_at = now;
	}
}

void
qlm_client_socket_check_times(QlmClientSocket *socket, int64 now)
{
	check_times(socket, now);
	if (socket->state != QLM_CLIENT_SOCKET_GONE && has_unwatched(socket))
		qlm_client_socket_go_on(socket);
}

bool
qlm_client_socket_is_behind(const QlmClientSocket *socket)
{
	return socket->has_more ||
		(socket->state == QLM_CLIENT_SOCKET_CONNECTING && socket->connection.multi.handle);
}

int64
qlm_client_socket_due(const QlmClientSocket *socket)
{
	int64		due = PG_INT64_MAX;

	if (socket->has_more ||
		(socket->state == QLM_CLIENT_SOCKET_GONE && socket->transfer == NULL) ||
		(is_up(socket) && has_unwatched(socket)))
		return 0;
	if (socket->state == QLM_CLIENT_SOCKET_CONNECTING)
	{
		int64		timeout = qlm_client_connection_due(&socket->connection);

		if (timeout >= 0)
			due = qlm_client_socket_now() + timeout;
	}
	if (socket->state == QLM_CLIENT_SOCKET_CLOSING)
		return socket->close_by;
	if (is_pushing(socket))
		return Min(due, may_be_dead(socket) ? Min(socket->deadline, socket->pushed_at + OLD_MS) :
				   socket->deadline);
	if (socket->state == QLM_CLIENT_SOCKET_OPEN)
		return socket->pinged_at > 0 ? socket->pinged_at + PONG_MS : socket->heard_at + qlm_ping_interval;
	return due;
}

QlmClientSocket *
qlm_client_socket_create(QlmClientSocketShared *shared, const QlmTransfer *transfer)
{
	QlmClientSocket *socket = MemoryContextAllocZero(shared->context, sizeof(QlmClientSocket));

	socket->shared = shared;
	socket->url = MemoryContextStrdup(shared->context, transfer->url);
	if (transfer->authorization)
		socket->authorization = MemoryContextStrdup(shared->context, transfer->authorization);
	if (transfer->proxy)
		socket->proxy = MemoryContextStrdup(shared->context, transfer->proxy);
	socket->proxy_for_all = transfer->proxy_for_all;
	socket->any_address = transfer->any_address;
	qlm_client_connection_init(&socket->connection);
	qlm_frame_queue_init(&socket->out);
	return socket;
}

void
qlm_client_socket_free(QlmClientSocket *socket)
{
	disconnect(socket);
	pfree(socket->url);
	if (socket->authorization)
		pfree(socket->authorization);
	if (socket->proxy)
		pfree(socket->proxy);
	pfree(socket);
}

/*
 * The address of the connection is checked before each push, since the
 * settings may have changed.
 */
void
qlm_client_socket_start(QlmClientSocket *socket, QlmTransfer *transfer, bool is_new)
{
	socket->transfer = transfer;
	socket->is_finished = false;
	socket->deadline = qlm_client_socket_now() + Max(transfer->timeout_ms, 1);
	if (is_new)
		connect_first(socket);
	else if (qlm_client_connection_allows(&socket->connection, transfer))
		push(socket);
	else if (transfer->forbidden)
		refuse(socket, 0, NULL);
	else
		fail(socket, "it ended the connection");
	if (socket->state != QLM_CLIENT_SOCKET_GONE)
		qlm_client_socket_go_on(socket);
}
