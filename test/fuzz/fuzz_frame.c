/*
 * fuzz_frame.c
 *		Any bytes into the reader of WebSocket frames, as a server and as a
 *		client has it, whole and in pieces: both
 *		ways must see the same, or both refuse, for the same reason.  Text must
 *		be UTF-8, nothing larger than the limit, no byte taken twice.  What is
 *		accepted is written again, and must be read as the same.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/limits.h"
#include "transport/websocket/frame.h"

#include "check.h"
#include "shim.h"

#define LIMIT	2048

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static bool from_server;		/* who sends these bytes */

typedef struct Seen
{
	StringInfoData events;		/* as text, each with its payload */
	StringInfoData frames;		/* the same, written again */
	StringInfoData message;		/* the parts so far */
	int			code;			/* of what is bad */
	const char *error;
} Seen;

static bool
is_utf8(const char *text, Size len)
{
	/* PostgreSQL refuses NUL, which UTF-8 and WebSockets do not. */
	while (len > 0)
	{
		int			n = pg_encoding_verifymbstr(PG_UTF8, text, len);

		if (n == len)
			return true;
		if (text[n] != '\0')
			return false;
		text += n + 1;
		len -= n + 1;
	}
	return true;
}

/* As the one who sends them would write it */
static void
write_frame(StringInfo to, QlmFrameKind kind, const char *payload, Size len)
{
	static const uint8 mask[4] = {0x12, 0, 0xff, 0x80};
	char	   *frame = palloc(QLM_MAX_MASKED_HEADER + len);
	int			n;

	if (from_server)
	{
		n = qlm_frame_header(frame, kind, len);
		appendBinaryStringInfo(to, frame, n);
		appendBinaryStringInfo(to, payload, len);
	}
	else
		appendBinaryStringInfo(to, frame, qlm_frame_masked(frame, kind, mask, payload, len));
	pfree(frame);
}

static void
see_control(Seen *seen, const QlmFrame *frame)
{
	char		payload[QLM_MAX_CONTROL];

	check(frame->payload[frame->len] == '\0', "a control frame does not end");
	appendStringInfo(&seen->events, "[%d %d:", frame->kind, frame->code);
	appendBinaryStringInfo(&seen->events, frame->payload, frame->len);
	if (frame->kind != QLM_FRAME_CLOSE)
		write_frame(&seen->frames, frame->kind, frame->payload, frame->len);
	else if (frame->len == 0 || memchr(frame->payload, '\0', frame->len) == NULL)
		write_frame(&seen->frames, frame->kind, payload,
					qlm_frame_close(payload, frame->code, frame->payload));
	else
	{
		payload[0] = (char) (frame->code >> 8);
		payload[1] = (char) frame->code;
		memcpy(payload + 2, frame->payload, frame->len);
		write_frame(&seen->frames, frame->kind, payload, frame->len + 2);
	}
}

static void
see(Seen *seen, const QlmFrame *frame, QlmFrameEvent event)
{
	if (event == QLM_FRAME_CONTROL)
	{
		see_control(seen, frame);
		return;
	}
	appendBinaryStringInfo(&seen->message, frame->payload, frame->len);
	check(seen->message.len <= LIMIT, "a message is too large");
	if (event == QLM_FRAME_PART)
		return;
	check(frame->kind == QLM_FRAME_BINARY ||
		  is_utf8(seen->message.data, seen->message.len), "a text is not UTF-8");
	appendStringInfo(&seen->events, "[%d:", frame->kind);
	appendBinaryStringInfo(&seen->events, seen->message.data, seen->message.len);
	write_frame(&seen->frames, frame->kind, seen->message.data, seen->message.len);
	resetStringInfo(&seen->message);
}

static void
read_piece(QlmFrameReader *reader, char *data, Size len, Seen *seen)
{
	char	   *at = data;
	Size		left = len;
	QlmFrameEvent event = QLM_FRAME_PART;

	while (event != QLM_FRAME_BAD && (left > 0 || event != QLM_FRAME_MORE))
	{
		QlmFrame	frame;

		event = qlm_frame_read(reader, &at, &left, &frame);
		check(at + left == data + len && left <= len, "bytes are lost");
		if (event == QLM_FRAME_MORE)
			check(left == 0, "it waits for what is there");
		else if (event == QLM_FRAME_BAD)
		{
			seen->code = frame.code;
			seen->error = frame.error;
		}
		else
			see(seen, &frame, event);
	}
}

static void
read_pieces(const char *data, size_t size, size_t piece, Seen *seen)
{
	QlmFrameReader reader;

	initStringInfo(&seen->events);
	initStringInfo(&seen->frames);
	initStringInfo(&seen->message);
	seen->code = 0;
	seen->error = NULL;
	qlm_frame_reader_init(&reader, LIMIT);
	reader.from_server = from_server;
	for (size_t i = 0; i < size && seen->code == 0; i += piece)
	{
		/* Of the exact size, so that reading beyond it is noticed */
		size_t		n = Min(piece, size - i);
		char	   *copy = palloc(n);

		memcpy(copy, data + i, n);
		read_piece(&reader, copy, n, seen);
		pfree(copy);
	}
	check(reader.message_len <= LIMIT, "a message is announced that is too large");
}

static void
check_same(const Seen *a, const Seen *b)
{
	check(a->events.len == b->events.len &&
		  memcmp(a->events.data, b->events.data, a->events.len) == 0,
		  "frames are not the same when read otherwise");
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Seen		whole;
	Seen		pieces;
	Seen		again;

	if (size < 1)
		return 0;

	/* The first byte is the size of the pieces, and says who sends. */
	from_server = data[0] >= 128;
	read_pieces((const char *) data + 1, size - 1, size, &whole);
	read_pieces((const char *) data + 1, size - 1, data[0] % 64 + 1, &pieces);
	check_same(&whole, &pieces);
	check(whole.code == pieces.code && whole.error == pieces.error,
		  "in pieces it is bad for another reason");

	read_pieces(whole.frames.data, whole.frames.len, Max(whole.frames.len, 1), &again);
	check(again.code == 0, "what was written is refused");
	check_same(&whole, &again);
	shim_reset();
	return 0;
}
