/*
 * websocket.c
 *		A WebSocket of a caller: frames become messages in a queue, answers are
 *		sent in the order of the messages, and all memory is limited.
 *
 * While too many messages wait for answers, or too much is waiting to be sent,
 * nothing is read: so TCP makes the client wait.
 *
 * It closes once its messages are answered.  The close frame is sent, the
 * connection is shut down for writing, and what still arrives is dropped until
 * the client has closed, too.  If it were closed at once the kernel would
 * reset the connection, and the client might lose what was sent last.
 */
#include "postgres.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "transport/websocket/websocket.h"
#include "transport/websocket/websocket_state.h"

#define LINGER_MS		5000	/* for the client to close */
#define LINGER_END_MS	1000	/* the same, when this process ends */
#define SMALL_BODY	(64 * 1024)	/* smaller bodies are not counted */
#define FIRST_BODY		1024
#define MAX_PIECES		64

static Size
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *
place_text(char **to, const char *text)
{
	char	   *copy = *to;

	if (text == NULL)
		return NULL;
	memcpy(copy, text, text_size(text));
	*to += text_size(text);
	return copy;
}

/*
 * The texts of the request are in one allocation, which begins with the path.
 */
QlmWebSocket *
qlm_websocket_create(QlmWebSocketShared *shared, const QlmHttpRequest *request,
					 const char *early, Size len)
{
	const int	flags = MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO;
	QlmWebSocket *socket = MemoryContextAllocExtended(shared->context, sizeof(QlmWebSocket), flags);
	char	   *texts = MemoryContextAllocExtended(shared->context,
												   text_size(request->path) +
												   text_size(request->peer_name) +
												   text_size(request->authorization), flags);
	char	   *rest = len > 0 ? MemoryContextAllocExtended(shared->context, len, flags) : NULL;

	if (socket == NULL || texts == NULL || (len > 0 && rest == NULL))
	{
		if (socket)
			pfree(socket);
		if (texts)
			pfree(texts);
		if (rest)
			pfree(rest);
		return NULL;
	}
	if (len > 0)
		memcpy(rest, early, len);
	socket->shared = shared;
	socket->fd = -1;
	socket->path = place_text(&texts, request->path);
	socket->peer_name = place_text(&texts, request->peer_name);
	socket->authorization = place_text(&texts, request->authorization);
	socket->client = request->client;
	socket->acknowledge = request->acknowledge;
	socket->is_proxied = request->is_proxied;
	socket->rest = rest;
	socket->rest_len = len;
	socket->last_kind = QLM_FRAME_TEXT;
	socket->window = QLM_SOCKET_LINE_START;
	socket->heard_at = socket->sent_at = socket->begun_at = GetCurrentTimestamp();
	dlist_init(&socket->messages);
	qlm_frame_queue_init(&socket->out);
	qlm_frame_reader_init(&socket->reader, qlm_max_message_size);
	return socket;
}

void
qlm_websocket_free(QlmWebSocket *socket)
{
	if (socket->has_news)
		dlist_delete(&socket->news_node);
	if (socket->rest)
		pfree(socket->rest);
	pfree(unconstify(char *, socket->path));
	pfree(socket);
}

void *
qlm_websocket_owner(const QlmWebSocket *socket)
{
	return socket->owner;
}

void
qlm_websocket_describe(const QlmWebSocket *socket, QlmHttpRequest *request)
{
	memset(request, 0, sizeof(QlmHttpRequest));
	request->method = QLM_HTTP_POST;
	request->path = socket->path;
	request->peer_name = socket->peer_name;
	request->authorization = socket->authorization;
	request->client = socket->client;
	request->is_proxied = socket->is_proxied;
}

void
qlm_websocket_set_owner(QlmWebSocket *socket, void *owner)
{
	socket->owner = owner;
}

void
qlm_websocket_mark(QlmWebSocket *socket)
{
	if (socket->is_dirty || socket->state == QLM_SOCKET_GONE)
		return;
	socket->is_dirty = true;
	dlist_push_tail(&socket->shared->dirty, &socket->dirty_node);
}

void
qlm_websocket_tell(QlmWebSocket *socket, bool anybody)
{
	if (socket->has_news || !(anybody || socket->owner))
		return;
	socket->has_news = true;
	dlist_push_tail(&socket->shared->news, &socket->news_node);
}

static void *
allocate(QlmWebSocket *socket, Size size)
{
	return MemoryContextAllocExtended(socket->shared->context, size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

/* Makes a frame with a copy of the payload.  Returns NULL without memory. */
static QlmQueuedFrame *
make_frame(QlmWebSocket *socket, QlmFrameKind kind, const char *data, Size len)
{
	QlmQueuedFrame *frame = qlm_frame_alloc(socket->shared->context,
											QLM_MAX_FRAME_HEADER + len);

	if (frame == NULL)
		return NULL;
	frame->len = qlm_frame_header(frame->data, kind, len);
	if (len > 0)
		memcpy(frame->data + frame->len, data, len);
	frame->len += len;
	socket->shared->budget->unsent += frame->len;
	return frame;
}

/*
 * Appends a frame to those to be sent.  Without memory for it the socket
 * fails, as the frames after it would have no meaning.
 */
static void
send_frame(QlmWebSocket *socket, QlmQueuedFrame *frame)
{
	qlm_websocket_mark(socket);
	if (frame == NULL)
	{
		socket->failed = true;
		return;
	}
	if (socket->out.n == 0)
		socket->sent_at = GetCurrentTimestamp();
	qlm_frame_queue_add(&socket->out, frame);
}

void
qlm_websocket_send_control(QlmWebSocket *socket, QlmFrameKind kind,
						   const char *payload, Size len)
{
	send_frame(socket, make_frame(socket, kind, payload, len));
}

void
qlm_websocket_flush(QlmWebSocket *socket)
{
	bool		progress = false;

	while (socket->out.n > 0 && !socket->failed)
	{
		struct iovec pieces[MAX_PIECES];
		struct msghdr message = {.msg_iov = pieces};
		ssize_t		sent;

		message.msg_iovlen = qlm_frame_queue_pieces(&socket->out, pieces, MAX_PIECES);
		sent = sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
		{
			socket->shared->budget->unsent -= qlm_frame_queue_sent(&socket->out, sent);
			progress = true;
		}
		else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		else if (sent == 0 || errno != EINTR)
			socket->failed = true;
	}
	if (progress)
		socket->sent_at = GetCurrentTimestamp();
}

bool
qlm_websocket_push(QlmWebSocket *socket, const char *data, Size len)
{
	QlmQueuedFrame *frame;

	if (socket->state != QLM_SOCKET_OPEN || socket->failed)
		return false;
	frame = make_frame(socket, socket->last_kind, data, len);
	if (frame == NULL)
		return false;
	qlm_source_stay(socket->shared->sources, &socket->guest, QLM_STAY_BUSY);
	send_frame(socket, frame);
	return true;
}

bool
qlm_websocket_is_full(const QlmWebSocket *socket)
{
	return socket->out.bytes > QLM_SOCKET_OUT_BYTES ||
		socket->out.n >= QLM_SOCKET_OUT_MESSAGES;
}

bool
qlm_websocket_has_room(const QlmWebSocket *socket)
{
	QlmWebSocket *s = unconstify(QlmWebSocket *, socket);

	if (s->state != QLM_SOCKET_OPEN)
		return false;
	if (qlm_websocket_is_full(s))
		qlm_websocket_flush(s);
	if (s->failed)
		qlm_websocket_mark(s);
	s->wants_room = qlm_websocket_is_full(s);
	return !s->wants_room;
}

bool
qlm_websocket_may_read(const QlmWebSocket *socket)
{
	if (socket->at_end || socket->failed)
		return false;
	if (socket->state != QLM_SOCKET_OPEN)
		return true;
	return socket->nmessages < socket->window &&
		socket->message_bytes < QLM_SOCKET_LINE_BYTES &&
		!qlm_websocket_is_full(socket);
}

static QlmBodyBudgetShare *
share_of(const QlmWebSocket *socket)
{
	return socket->guest.source ? &socket->guest.source->bodies : NULL;
}

/* Small bodies are not counted. */
static Size
cost_of(Size size)
{
	return size > SMALL_BODY ? size : 0;
}

static void
change_cost(QlmWebSocket *socket, Size before, Size after)
{
	qlm_body_budget_change(socket->shared->budget, share_of(socket),
					  cost_of(before), cost_of(after));
	socket->cost += cost_of(after) - cost_of(before);
}

static void
forget_body(QlmWebSocket *socket)
{
	if (socket->body)
		pfree(socket->body);
	change_cost(socket, socket->body_size, 0);
	socket->body = NULL;
	socket->body_len = socket->body_size = 0;
}

/* Releases held requests of a client that is about to leave. */
static void
release_held(QlmWebSocket *socket)
{
	dlist_iter	iter;

	dlist_foreach(iter, &socket->messages)
	{
		QlmSocketMessage *m = dlist_container(QlmSocketMessage, order, iter.cur);

		if (m->phase != QLM_MESSAGE_HELD)
			continue;
		m->phase = QLM_MESSAGE_LEFT;
		dlist_push_tail(&socket->shared->left, &m->line);
	}
}

void
qlm_websocket_close(QlmWebSocket *socket, int code, const char *reason)
{
	if (socket->state != QLM_SOCKET_OPEN)
		return;
	socket->state = QLM_SOCKET_CLOSING;
	socket->close_code = code;
	strlcpy(socket->close_reason, reason, sizeof(socket->close_reason));
	forget_body(socket);
	release_held(socket);
	qlm_websocket_mark(socket);
}

/* What is still being sent no longer counts for the client's address. */
static void
leave_source(QlmWebSocket *socket)
{
	if (socket->guest.source)
		socket->guest.source->bodies.used -= socket->cost;
	qlm_source_leave(socket->shared->sources, &socket->guest);
}

void
qlm_websocket_forget(QlmWebSocket *socket)
{
	qlm_websocket_close(socket, QLM_CLOSE_NORMAL, "");	/* for held requests */
	if (socket->is_dirty)
		dlist_delete(&socket->dirty_node);
	socket->is_dirty = false;
	socket->state = QLM_SOCKET_GONE;
	socket->shared->budget->unsent -= qlm_frame_queue_clear(&socket->out);
	if (socket->rest)
		pfree(socket->rest);
	socket->rest = NULL;
	forget_body(socket);
	leave_source(socket);
	qlm_websocket_tell(socket, false);
}

/*
 * Makes room for so many more bytes and a NUL, growing with what is received.
 */
static bool
make_room(QlmWebSocket *socket, Size more)
{
	Size		need = socket->body_len + more + 1;
	Size		size;
	char	   *body;

	if (need <= socket->body_size)
		return true;
	size = Max(need, socket->body_size * 2);
	size = Max(Min(size, Max(need, (Size) socket->reader.limit + 1)), FIRST_BODY);
	if (size > SMALL_BODY &&
		!qlm_body_budget_has_room(socket->shared->budget, share_of(socket),
							 cost_of(socket->body_size), size))
		return false;
	body = allocate(socket, size);
	if (body == NULL)
		return false;
	if (socket->body_len > 0)
		memcpy(body, socket->body, socket->body_len);
	if (socket->body)
		pfree(socket->body);
	change_cost(socket, socket->body_size, size);
	socket->body = body;
	socket->body_size = size;
	return true;
}

/* Queues a complete message, unless it is empty. */
static bool
add_message(QlmWebSocket *socket, QlmFrameKind kind)
{
	QlmSocketMessage *m;

	socket->last_kind = kind;
	if (socket->body_len == 0)
		return true;
	m = allocate(socket, sizeof(QlmSocketMessage));
	if (m == NULL)
		return false;
	memset(m, 0, sizeof(QlmSocketMessage));
	m->kind = kind;
	m->body = socket->body;
	m->bytes = socket->body_size;
	m->request.method = QLM_HTTP_POST;
	m->request.path = socket->path;
	m->request.peer_name = socket->peer_name;
	m->request.authorization = socket->authorization;
	m->request.client = socket->client;
	m->request.acknowledge = socket->acknowledge;
	m->request.is_proxied = socket->is_proxied;
	m->request.charset = kind == QLM_FRAME_TEXT ? "UTF-8" : NULL;
	m->request.body = m->body;
	m->request.body_len = socket->body_len;
	m->request.socket = socket;
	m->request.received_at = socket->heard_at;
	m->body[socket->body_len] = '\0';
	socket->body = NULL;
	socket->body_len = socket->body_size = 0;

	qlm_source_stay(socket->shared->sources, &socket->guest, QLM_STAY_BUSY);
	dlist_push_tail(&socket->messages, &m->order);
	dlist_push_tail(&socket->shared->ready, &m->line);
	socket->nmessages++;
	socket->nrefs++;
	socket->message_bytes += m->bytes;
	return true;
}

static void
take_part(QlmWebSocket *socket, const QlmFrame *frame, bool complete)
{
	bool		ok = true;

	if (socket->state != QLM_SOCKET_OPEN)
		return;
	if (frame->len > 0)
	{
		ok = make_room(socket, frame->len);
		if (ok)
			memcpy(socket->body + socket->body_len, frame->payload, frame->len);
		socket->body_len += ok ? frame->len : 0;
	}
	if (ok && complete)
		ok = add_message(socket, frame->kind);
	if (!ok)
		qlm_websocket_close(socket, QLM_CLOSE_INTERNAL, "no memory for the message now");
}

static void
take_control(QlmWebSocket *socket, const QlmFrame *frame)
{
	if (frame->kind == QLM_FRAME_CLOSE)
	{
		socket->peer_closed = true;
		qlm_websocket_close(socket, frame->code, "");
		qlm_websocket_mark(socket);
	}
	else if (frame->kind == QLM_FRAME_PING && socket->state == QLM_SOCKET_OPEN)
		qlm_websocket_send_control(socket, QLM_FRAME_PONG, frame->payload, frame->len);
}

/* Keeps bytes for which there is no room now. */
static void
keep_rest(QlmWebSocket *socket, const char *data, Size len)
{
	if (len == 0)
		return;
	socket->rest = allocate(socket, len);
	if (socket->rest == NULL)
	{
		socket->failed = true;
		qlm_websocket_mark(socket);
		return;
	}
	memcpy(socket->rest, data, len);
	socket->rest_at = 0;
	socket->rest_len = len;
}

/* Processes bytes until they end or must wait.  Returns how many were used. */
static Size
take_bytes(QlmWebSocket *socket, char *data, Size len)
{
	Size		before = len;

	while (len > 0 && !socket->peer_closed && qlm_websocket_may_read(socket))
	{
		bool		was_between = qlm_frame_is_between(&socket->reader);
		QlmFrame	frame;

		if (was_between)
		{
			socket->reader.limit = qlm_max_message_size;
			socket->begun_at = socket->heard_at;
		}
		switch (qlm_frame_read(&socket->reader, &data, &len, &frame))
		{
			case QLM_FRAME_PART:
				take_part(socket, &frame, false);
				break;
			case QLM_FRAME_MESSAGE:
				take_part(socket, &frame, true);
				break;
			case QLM_FRAME_CONTROL:
				take_control(socket, &frame);
				break;
			case QLM_FRAME_BAD:
				qlm_websocket_close(socket, frame.code, frame.error);
				return before;	/* the rest is ignored */
			case QLM_FRAME_MORE:
				break;
		}
	}
	return socket->peer_closed ? before : before - len;
}

static void
take_rest(QlmWebSocket *socket)
{
	Size		left = socket->rest_len - socket->rest_at;

	socket->heard_at = GetCurrentTimestamp();
	socket->rest_at += take_bytes(socket, socket->rest + socket->rest_at, left);
	if (socket->rest_at < socket->rest_len)
		return;
	pfree(socket->rest);
	socket->rest = NULL;
}

void
qlm_websocket_receive(QlmWebSocket *socket)
{
	char	   *buffer = socket->shared->buffer;
	ssize_t		n;
	Size		used;

	if (socket->rest || !qlm_websocket_may_read(socket))
		return;
	n = recv(socket->fd, buffer, QLM_SOCKET_BUFFER, MSG_DONTWAIT);
	if (n < 0)
	{
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			socket->failed = true;
	}
	else if (n == 0)
	{
		socket->at_end = socket->peer_closed = true;
		qlm_websocket_close(socket, QLM_CLOSE_NORMAL, "");
	}
	else
	{
		socket->heard_at = GetCurrentTimestamp();
		socket->pinged = false;
		socket->life_by = 0;
		used = take_bytes(socket, buffer, n);
		keep_rest(socket, buffer + used, n - used);
	}
	qlm_websocket_mark(socket);
}

static void
send_close(QlmWebSocket *socket)
{
	char		payload[QLM_MAX_CONTROL];
	int			len = qlm_frame_close(payload, socket->close_code, socket->close_reason);

	socket->state = QLM_SOCKET_CLOSED;
	qlm_websocket_send_control(socket, QLM_FRAME_CLOSE, payload, len);
}

static void
finish(QlmWebSocket *socket)
{
	socket->state = QLM_SOCKET_FINISHED;
	(void) shutdown(socket->fd, SHUT_WR);
	socket->close_by =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									socket->shared->ending ? LINGER_END_MS : LINGER_MS);
}

/* Does whatever is possible now: sends, reads on, closes. */
bool
qlm_websocket_go_on(QlmWebSocket *socket)
{
	if (socket->state == QLM_SOCKET_CLOSING && socket->nmessages == 0)
		send_close(socket);
	qlm_websocket_flush(socket);
	if (socket->state == QLM_SOCKET_CLOSED && socket->out.n == 0)
		finish(socket);
	if (socket->failed ||
		(socket->state == QLM_SOCKET_FINISHED && socket->peer_closed))
		return false;
	if (socket->rest && qlm_websocket_may_read(socket))
	{
		take_rest(socket);
		qlm_websocket_mark(socket);
	}
	if (socket->wants_room && socket->out.n <= QLM_SOCKET_OUT_MESSAGES / 2 &&
		socket->out.bytes <= QLM_SOCKET_OUT_BYTES / 2)
	{
		socket->wants_room = false;
		qlm_websocket_tell(socket, false);
	}
	return true;
}

static void
forget_message_body(QlmSocketMessage *m)
{
	if (m->body == NULL)
		return;
	pfree(m->body);
	m->body = NULL;
	m->request.body = "";
	m->request.body_len = 0;
	change_cost(m->request.socket, m->bytes, 0);
	m->request.socket->message_bytes -= m->bytes;
	m->bytes = 0;
}

static void
stop_holding(QlmSocketMessage *m)
{
	if (m->phase == QLM_MESSAGE_LEFT)
		dlist_delete(&m->line);
	m->phase = QLM_MESSAGE_TAKEN;
}

void
qlm_websocket_hold(QlmHttpRequest *request, bool keep_body)
{
	QlmSocketMessage *m = (QlmSocketMessage *) request;

	if (!keep_body)
		forget_message_body(m);
	m->phase = QLM_MESSAGE_HELD;
	if (request->socket->state != QLM_SOCKET_OPEN)
		release_held(request->socket);
}

void
qlm_websocket_requeue(QlmHttpRequest *request)
{
	QlmSocketMessage *m = (QlmSocketMessage *) request;

	stop_holding(m);
	m->phase = QLM_MESSAGE_READY;
	request->received_at = GetCurrentTimestamp();
	dlist_push_tail(&request->socket->shared->ready, &m->line);
}

static void
forget_frame(QlmWebSocket *socket, QlmQueuedFrame *frame)
{
	socket->shared->budget->unsent -= frame->len;
	pfree(frame);
}

/* Sends answers in the order of the messages. */
static void
send_answers(QlmWebSocket *socket)
{
	while (!dlist_is_empty(&socket->messages))
	{
		QlmSocketMessage *m = dlist_container(QlmSocketMessage, order,
											  dlist_head_node(&socket->messages));

		if (m->phase != QLM_MESSAGE_ANSWERED)
			break;
		dlist_delete(&m->order);
		socket->nmessages--;
		socket->message_bytes -= m->bytes;
		if (m->answer && socket->state == QLM_SOCKET_GONE)
			forget_frame(socket, m->answer);
		else if (m->answer)
			send_frame(socket, m->answer);
		dlist_push_tail(&socket->shared->answered, &m->line);
	}
}

/*
 * All queued messages may be answered in one turn, before anything can be
 * sent.  So the limit of messages is adapted to the size of earlier answers.
 */
static void
adapt_window(QlmWebSocket *socket, Size answer_len)
{
	int			fits = Max(QLM_SOCKET_OUT_BYTES / Max(answer_len, 1), 1);

	if (socket->window > fits)
		socket->window = fits;
	else if (socket->window < Min(fits, QLM_SOCKET_LINE_MESSAGES))
		socket->window++;
}

void
qlm_websocket_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer)
{
	QlmSocketMessage *m = (QlmSocketMessage *) request;
	QlmWebSocket *socket = request->socket;

	stop_holding(m);
	m->phase = QLM_MESSAGE_ANSWERED;
	if (answer->body_len > 0 && socket->state != QLM_SOCKET_GONE)
		m->answer = make_frame(socket, m->kind, answer->body, answer->body_len);
	if (answer->body_len > 0 && m->answer == NULL)
		socket->failed = true;
	forget_message_body(m);
	adapt_window(socket, answer->body_len);
	if (m->answer)
	{
		m->bytes = m->answer->len;
		socket->message_bytes += m->bytes;
	}
	send_answers(socket);
	qlm_websocket_mark(socket);
}
