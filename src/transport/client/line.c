/*
 * line.c
 *		What goes through a WebSocket that this node opens: messages are pushed
 *		one after the other, each with a ping behind it.
 *
 * What the other end sends is bounded, and an envelope is kept as the answer to
 * what was pushed last: it may say that this is refused.  That it sends something
 * after a message may be all the acknowledgement that there is, where it does
 * not answer pings as it should; and it is where the other end has said so.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <time.h>

#include "utils/memutils.h"

#include "base/limits.h"
#include "process/settings.h"
#include "transport/client/line.h"
#include "transport/client/outgoing.h"

#define MAX_READS		16		/* then others have their turn */
#define MAX_PIECES		100		/* as many pongs, to one who floods */
#define OLD_MS			5000	/* then a connection from before is dead */
#define PONG_MS			10000
#define CLOSE_MS		1000
#define PING_SIZE		32
#define MAX_ANSWER		(64 * 1024)	/* what is longer says nothing of a push */

int64
qlm_line_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000) + now.tv_nsec / 1000000;
}

void *
qlm_line_alloc(QlmLine *line, Size size)
{
	return MemoryContextAllocExtended(line->lines->context, size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

void
qlm_line_refuse(QlmLine *line, int status, const char *error)
{
	QlmTransfer *transfer = line->transfer;

	line->state = QLM_LINE_GONE;
	if (transfer == NULL || line->is_finished)
		return;
	if (error)
		qlm_outgoing_set_error(transfer, error);
	transfer->status = status;
	qlm_line_finish(line);
}

void
qlm_line_fail(QlmLine *line, const char *error)
{
	if (line->transfer == NULL || line->is_finished || !line->was_used)
	{
		qlm_line_refuse(line, 0, error);
		return;
	}
	qlm_line_disconnect(line);
	qlm_line_connect(line);
}

/* The last in line of what is to be sent; NULL: there was no memory for it */
void
qlm_line_send(QlmLine *line, QlmLinePiece *piece)
{
	if (piece == NULL)
	{
		qlm_line_refuse(line, 0, "out of memory");
		return;
	}
	if (line->npieces++ == 0)
		slist_push_head(&line->pieces, &piece->node);
	else
		slist_insert_after(line->last_piece, &piece->node);
	line->last_piece = &piece->node;
}

static QlmLinePiece *
make_frame(QlmLine *line, QlmFrameKind kind, const char *payload, Size len)
{
	QlmLinePiece *piece = qlm_line_alloc(line, offsetof(QlmLinePiece, data) +
										 QLM_MAX_MASKED_HEADER + len);
	uint8		mask[4];

	if (piece == NULL || !pg_strong_random(mask, sizeof(mask)))
	{
		if (piece)
			pfree(piece);
		return NULL;
	}
	piece->len = qlm_frame_masked(piece->data, kind, mask, payload, len);
	return piece;
}

void
qlm_line_send_control(QlmLine *line, QlmFrameKind kind, const char *payload,
					  Size len)
{
	if (line->npieces > MAX_PIECES)
		qlm_line_fail(line, "it sends more pings than it reads answers");
	else
		qlm_line_send(line, make_frame(line, kind, payload, len));
}

/* What a ping behind a push says; nobody knows it who has not read it. */
static void
print_ping(const QlmLine *line, char *to, Size size)
{
	snprintf(to, size, "%08x-" UINT64_FORMAT, line->secret, line->npushes);
}

static void
ping(QlmLine *line)
{
	char		payload[PING_SIZE];

	print_ping(line, payload, sizeof(payload));
	qlm_line_send_control(line, QLM_FRAME_PING, payload, strlen(payload));
}

/* Send what it is for. */
void
qlm_line_push(QlmLine *line)
{
	const QlmTransfer *transfer = line->transfer;

	line->npushes++;
	line->pushed_at = line->heard_at = qlm_line_now();
	line->pinged_at = 0;
	line->is_heard = line->is_sent = false;
	line->nread = 0;
	line->transfer->answer.len = 0;
	qlm_line_send(line, make_frame(line, QLM_FRAME_TEXT, transfer->body, transfer->body_len));
	if (line->state == QLM_LINE_OPEN)
		ping(line);
}

static void
be_acknowledged(QlmLine *line)
{
	if (line->transfer == NULL || line->is_finished)
		return;
	line->was_used = true;
	line->transfer->status = 200;
	qlm_line_finish(line);
}

static void
take_pong(QlmLine *line, const QlmFrame *frame)
{
	char		current[PING_SIZE];

	print_ping(line, current, sizeof(current));
	if (strcmp(frame->payload, current) != 0)
		return;
	line->answers_pings = true;
	if (!line->acknowledges)
		be_acknowledged(line);
}

/* Does it begin as one in XML or JSON? */
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

/* It may be what became of the push.  The next one takes its place. */
static void
keep_answer(QlmLine *line, const QlmFrame *frame, bool begins)
{
	StringInfo	answer;

	if (line->transfer == NULL || line->is_finished || !line->is_envelope || !line->is_sent)
		return;
	answer = &line->transfer->answer;
	if (begins)
		answer->len = 0;
	if (answer->len + frame->len > MAX_ANSWER ||
		qlm_outgoing_collect(line->lines->context, answer, frame->payload, frame->len) < 0)
		answer->len = 0;
}

/*
 * The n-th answer is to the n-th push.  Who answers pings is not judged by it:
 * what it sends may have nothing to do with what was pushed.
 */
static void
take_message(QlmLine *line, const QlmFrame *frame, bool complete)
{
	if (!line->in_message)
		line->is_envelope = looks_like_envelope(frame->payload, frame->len);
	keep_answer(line, frame, !line->in_message);
	line->in_message = !complete;
	if (!complete || !line->is_envelope || !line->is_sent)
		return;
	line->nanswers++;
	if ((!line->answers_pings || line->acknowledges) && line->nanswers >= line->npushes)
		be_acknowledged(line);
}

/* Why it closes says whether another try would be of use. */
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

static void
take_close(QlmLine *line, const QlmFrame *frame)
{
	char		error[256];
	int			status = status_of_code(frame->code);

	if (line->transfer && !line->is_finished)
	{
		snprintf(error, sizeof(error), "it closed the WebSocket (%d%s%s)", frame->code,
				 frame->len > 0 ? ": " : "", frame->len > 0 ? frame->payload : "");
		if (status != 0)
			qlm_line_refuse(line, status, error);
		else
			qlm_line_fail(line, error);
	}
	else if (line->state == QLM_LINE_OPEN)
		qlm_line_begin_close(line, frame->code);
	else
		line->state = QLM_LINE_GONE;
}

static void
take_control(QlmLine *line, const QlmFrame *frame)
{
	if (frame->kind == QLM_FRAME_CLOSE)
		take_close(line, frame);
	else if (frame->kind == QLM_FRAME_PONG)
		take_pong(line, frame);
	else if (line->state == QLM_LINE_OPEN)
		qlm_line_send_control(line, QLM_FRAME_PONG, frame->payload, frame->len);
}

void
qlm_line_take_frames(QlmLine *line, char *data, Size len)
{
	/* One that is opened anew has nothing more to do with these bytes. */
	uint64		connection = line->nconnections;

	while (len > 0 && line->nconnections == connection &&
		   (line->state == QLM_LINE_OPEN || line->state == QLM_LINE_CLOSING))
	{
		QlmFrame	frame;

		switch (qlm_frame_read(&line->reader, &data, &len, &frame))
		{
			case QLM_FRAME_PART:
				take_message(line, &frame, false);
				break;
			case QLM_FRAME_MESSAGE:
				take_message(line, &frame, true);
				break;
			case QLM_FRAME_CONTROL:
				take_control(line, &frame);
				break;
			case QLM_FRAME_BAD:
				qlm_line_fail(line, frame.error);
				return;
			case QLM_FRAME_MORE:
				break;
		}
	}
}

void
qlm_line_begin_close(QlmLine *line, int code)
{
	char		payload[QLM_MAX_CONTROL];
	int			len = qlm_frame_close(payload, code, "");

	if (line->state != QLM_LINE_OPEN)
	{
		line->state = QLM_LINE_GONE;
		return;
	}
	qlm_line_send_control(line, QLM_FRAME_CLOSE, payload, len);
	if (line->state == QLM_LINE_OPEN)
		line->state = QLM_LINE_CLOSING;
	line->close_by = qlm_line_now() + CLOSE_MS;
}

static void
read_some(QlmLine *line)
{
	uint64		connection = line->nconnections;
	char	   *buffer = line->lines->buffer;

	line->has_more = true;
	for (int i = 0; i < MAX_READS && line->has_more; i++)
	{
		Size		n = 0;
		CURLcode	code = curl_easy_recv(line->op->easy, buffer, QLM_LINE_BUFFER, &n);

		if (code == CURLE_AGAIN)
		{
			line->has_more = false;
			break;
		}
		if (code != CURLE_OK || n == 0)
		{
			qlm_line_fail(line, "it ended the connection");
			return;
		}
		line->heard_at = qlm_line_now();
		line->pinged_at = 0;
		line->is_heard = true;
		line->nread += n;
		if (line->nread > qlm_max_message_size + QLM_LINE_BUFFER)
		{
			qlm_line_refuse(line, 0, "it sends more than qlm.max_message_size between two messages");
			return;
		}
		if (line->state == QLM_LINE_ASKING)
			qlm_line_take_head(line, buffer, n);
		else
			qlm_line_take_frames(line, buffer, n);
		if (line->nconnections != connection || line->state == QLM_LINE_GONE)
			return;
	}
}

/* What could not be sent is tried again with the same bytes: TLS wants that. */
static void
send_some(QlmLine *line)
{
	while (line->npieces > 0)
	{
		QlmLinePiece *piece = slist_container(QlmLinePiece, node,
											  slist_head_node(&line->pieces));
		Size		n = 0;
		CURLcode	code = curl_easy_send(line->op->easy, piece->data + line->piece_at,
										  piece->len - line->piece_at, &n);

		if (code == CURLE_AGAIN || (code == CURLE_OK && n == 0))
			return;
		if (code != CURLE_OK)
		{
			qlm_line_fail(line, "it ended the connection");
			return;
		}
		line->piece_at += n;
		if (line->piece_at < piece->len)
			continue;
		slist_pop_head_node(&line->pieces);
		line->npieces--;
		line->piece_at = 0;
		pfree(piece);
	}
	line->is_sent = true;
}

static void
watch(QlmLine *line)
{
	bool		wants = line->npieces > 0;
	struct epoll_event event = {
		.events = EPOLLIN | (wants ? EPOLLOUT : 0), .data.fd = line->fd
	};

	if (wants != line->wants_to_send &&
		epoll_ctl(line->epoll, EPOLL_CTL_MOD, line->fd, &event) == 0)
		line->wants_to_send = wants;
}

static bool
is_up(const QlmLine *line)
{
	return line->state == QLM_LINE_ASKING || line->state == QLM_LINE_OPEN ||
		line->state == QLM_LINE_CLOSING;
}

void
qlm_line_go_on(QlmLine *line)
{
	if (line->state == QLM_LINE_CONNECTING)
		qlm_line_go_on_connecting(line);
	if (is_up(line))
		send_some(line);
	if (is_up(line))
		read_some(line);
	if (is_up(line))
		send_some(line);
	if (is_up(line))
		watch(line);
}

static bool
is_pushing(const QlmLine *line)
{
	return line->transfer && !line->is_finished;
}

/* It was open before, and nothing has come since the push. */
static bool
may_be_dead(const QlmLine *line)
{
	return line->state == QLM_LINE_OPEN && line->was_used && !line->is_heard;
}

static void
check_push(QlmLine *line, int64 now)
{
	char		error[128];

	if (now >= line->deadline)
	{
		snprintf(error, sizeof(error), line->state == QLM_LINE_OPEN ?
				 "it has not acknowledged the message within %d milliseconds" :
				 "the WebSocket could not be opened within %d milliseconds",
				 line->transfer->timeout_ms);
		qlm_line_refuse(line, 0, error);
	}
	else if (may_be_dead(line) && now >= line->pushed_at + OLD_MS)
		qlm_line_fail(line, "it shows no life");
}

void
qlm_line_check_times(QlmLine *line, int64 now)
{
	if (line->state == QLM_LINE_CLOSING)
	{
		if (now >= line->close_by)
			line->state = QLM_LINE_GONE;
	}
	else if (is_pushing(line))
		check_push(line, now);
	else if (line->state != QLM_LINE_OPEN)
		return;
	else if (line->pinged_at > 0)
	{
		if (now >= line->pinged_at + PONG_MS)
			line->state = QLM_LINE_GONE;
	}
	else if (now >= line->heard_at + qlm_ping_interval)
	{
		ping(line);
		line->pinged_at = now;
	}
}

int64
qlm_line_due(const QlmLine *line)
{
	int64		due = PG_INT64_MAX;
	long		timeout = -1;

	if (line->has_more || (line->state == QLM_LINE_GONE && line->transfer == NULL) ||
		(is_up(line) && line->npieces > 0 && !line->wants_to_send))
		return 0;
	if (line->state == QLM_LINE_CONNECTING)
	{
		curl_multi_timeout(line->multi, &timeout);
		if (timeout >= 0)
			due = qlm_line_now() + timeout;
	}
	if (line->state == QLM_LINE_CLOSING)
		return line->close_by;
	if (is_pushing(line))
		return Min(due, may_be_dead(line) ? Min(line->deadline, line->pushed_at + OLD_MS) :
				   line->deadline);
	if (line->state == QLM_LINE_OPEN)
		return line->pinged_at > 0 ? line->pinged_at + PONG_MS : line->heard_at + qlm_ping_interval;
	return due;
}
