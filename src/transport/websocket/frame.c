/*
 * frame.c
 *		Reads and writes frames of WebSockets.
 *
 * Text is checked as it arrives: it need not be read again, and invalid text
 * is refused at once.
 */
#include "postgres.h"

#include "transport/websocket/frame.h"

#define FINAL		0x80
#define RESERVED	0x70
#define MASKED		0x80

void
qlm_frame_reader_init(QlmFrameReader *reader, uint64 limit)
{
	memset(reader, 0, sizeof(QlmFrameReader));
	reader->limit = limit;
	reader->header_size = 2;
}

bool
qlm_frame_is_between(const QlmFrameReader *reader)
{
	return reader->header_len == 0 && !reader->in_payload && !reader->in_message;
}

static bool
is_control(QlmFrameKind kind)
{
	return (kind & 8) != 0;
}

static bool
fail(QlmFrameReader *reader, int code, const char *error)
{
	reader->code = code;
	reader->error = error;
	return false;
}

static int
mask_size(const QlmFrameReader *reader)
{
	return reader->from_server ? 0 : 4;
}

/* Checks the first two bytes, which give the size of the header. */
static bool
check_start(QlmFrameReader *reader)
{
	uint8		len = reader->header[1] & 0x7F;
	int			opcode = reader->header[0] & 0x0F;

	reader->kind = opcode;
	reader->is_last = (reader->header[0] & FINAL) != 0;
	if (reader->header[0] & RESERVED)
		return fail(reader, QLM_CLOSE_PROTOCOL, "reserved bits without an extension");
	if (opcode > QLM_FRAME_PONG || (opcode > QLM_FRAME_BINARY && opcode < QLM_FRAME_CLOSE))
		return fail(reader, QLM_CLOSE_PROTOCOL, "unknown kind of frame");
	if (!(reader->header[1] & MASKED) != reader->from_server)
		return fail(reader, QLM_CLOSE_PROTOCOL, reader->from_server ?
					"frame of a server is masked" : "frame is not masked");
	if (is_control(opcode) && !reader->is_last)
		return fail(reader, QLM_CLOSE_PROTOCOL, "control frame in fragments");
	if (is_control(opcode) && len > QLM_MAX_CONTROL)
		return fail(reader, QLM_CLOSE_PROTOCOL, "control frame is too long");
	if (opcode == QLM_FRAME_CONTINUATION && !reader->in_message)
		return fail(reader, QLM_CLOSE_PROTOCOL, "continuation of nothing");
	if ((opcode == QLM_FRAME_TEXT || opcode == QLM_FRAME_BINARY) && reader->in_message)
		return fail(reader, QLM_CLOSE_PROTOCOL, "message within a message");
	reader->header_size = 2 + mask_size(reader) + (len == 126 ? 2 : len == 127 ? 8 : 0);
	return true;
}

/*
 * Gets the length of the payload.  Returns false if it is not in its shortest
 * form.
 */
static bool
get_length(const QlmFrameReader *reader, uint64 *len)
{
	int			n = reader->header_size - 2 - mask_size(reader);

	*len = reader->header[1] & 0x7F;
	if (n == 0)
		return true;
	*len = 0;
	for (int i = 0; i < n; i++)
		*len = *len << 8 | reader->header[2 + i];
	return n == 2 ? *len > 125 : *len > PG_UINT16_MAX && *len <= PG_INT64_MAX;
}

static bool
begin_payload(QlmFrameReader *reader)
{
	if (!get_length(reader, &reader->left))
		return fail(reader, QLM_CLOSE_PROTOCOL, "length is not in its shortest form");
	if (!is_control(reader->kind))
	{
		if (reader->left > reader->limit ||
			reader->message_len > reader->limit - reader->left)
			return fail(reader, QLM_CLOSE_TOO_LARGE, "message is larger than qlm.max_message_size");
		if (reader->kind != QLM_FRAME_CONTINUATION)
			reader->message_kind = reader->kind;
		reader->in_message = true;
		reader->message_len += reader->left;
	}
	if (!reader->from_server)
		memcpy(reader->mask, reader->header + reader->header_size - 4, 4);
	reader->mask_at = 0;
	reader->control_len = 0;
	reader->in_payload = true;
	return true;
}

/* Returns false if the header is invalid or not complete. */
static bool
read_header(QlmFrameReader *reader, char **data, Size *len)
{
	while (reader->header_len < reader->header_size)
	{
		if (*len == 0)
			return false;
		reader->header[reader->header_len++] = (uint8) *(*data)++;
		(*len)--;
		if (reader->header_len == 2 && !check_start(reader))
			return false;
	}
	return begin_payload(reader);
}

static void
end_frame(QlmFrameReader *reader)
{
	reader->header_len = 0;
	reader->header_size = 2;
	reader->in_payload = false;
}

/* Masks or unmasks; at is the offset in the payload. */
static void
apply_mask(const uint8 mask4[4], int at, char *data, Size len)
{
	uint8		mask[8];
	uint64		wide;

	for (int i = 0; i < 8; i++)
		mask[i] = mask4[(at + i) & 3];
	memcpy(&wide, mask, 8);
	for (; len >= 8; len -= 8, data += 8)
	{
		uint64		word;

		memcpy(&word, data, 8);
		word ^= wide;
		memcpy(data, &word, 8);
	}
	for (Size i = 0; i < len; i++)
		data[i] ^= mask[i];
}

static void
unmask(QlmFrameReader *reader, char *data, Size len)
{
	if (reader->from_server)
		return;
	apply_mask(reader->mask, reader->mask_at, data, len);
	reader->mask_at = (reader->mask_at + len) & 3;
}

/*
 * The first byte of a character determines which bytes may follow (RFC 3629).
 */
static bool
begin_character(QlmFrameReader *reader, uint8 byte)
{
	if (byte < 0xC2 || byte > 0xF4)
		return false;
	reader->utf8_left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
	reader->utf8_min = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
	reader->utf8_max = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
	return true;
}

static Size
skip_ascii(const char *data, Size len)
{
	Size		i = 0;
	uint64		word;

	for (; len - i >= 8; i += 8)
	{
		memcpy(&word, data + i, 8);
		if (word & UINT64CONST(0x8080808080808080))
			break;
	}
	while (i < len && !IS_HIGHBIT_SET(data[i]))
		i++;
	return i;
}

/* Checks a part of a text, which may begin and end within a character. */
static bool
check_text(QlmFrameReader *reader, const char *data, Size len)
{
	for (Size i = 0; i < len; i++)
	{
		uint8		byte = (uint8) data[i];

		if (reader->utf8_left > 0)
		{
			if (byte < reader->utf8_min || byte > reader->utf8_max)
				return false;
			reader->utf8_left--;
			reader->utf8_min = 0x80;
			reader->utf8_max = 0xBF;
		}
		else
		{
			i += skip_ascii(data + i, len - i);
			if (i < len && !begin_character(reader, (uint8) data[i]))
				return false;
		}
	}
	return true;
}

/* The codes that may be sent (RFC 6455, 7.4, and the registry of IANA) */
static bool
is_close_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
		(code >= 3000 && code <= 4999);
}

static bool
read_close(QlmFrameReader *reader, QlmFrame *frame)
{
	QlmFrameReader text = {0};

	frame->code = QLM_CLOSE_NO_CODE;
	if (frame->len == 0)
		return true;
	if (frame->len == 1)
		return fail(reader, QLM_CLOSE_PROTOCOL, "half a close code");
	frame->code = reader->control[0] << 8 | reader->control[1];
	frame->payload += 2;
	frame->len -= 2;
	if (!is_close_code(frame->code))
		return fail(reader, QLM_CLOSE_PROTOCOL, "bad close code");
	if (!check_text(&text, frame->payload, frame->len) || text.utf8_left > 0)
		return fail(reader, QLM_CLOSE_NOT_UTF8, "close reason is not UTF-8");
	return true;
}

/*
 * Control frames are returned as a whole, so they are collected in the reader.
 */
static QlmFrameEvent
read_control(QlmFrameReader *reader, char **data, Size *len, QlmFrame *frame)
{
	Size		n = Min(reader->left, *len);
	char	   *to = (char *) reader->control + reader->control_len;

	memcpy(to, *data, n);
	unmask(reader, to, n);
	reader->control_len += n;
	reader->left -= n;
	*data += n;
	*len -= n;
	if (reader->left > 0)
		return QLM_FRAME_MORE;
	end_frame(reader);
	reader->control[reader->control_len] = '\0';
	frame->kind = reader->kind;
	frame->payload = (char *) reader->control;
	frame->len = reader->control_len;
	if (reader->kind == QLM_FRAME_CLOSE && !read_close(reader, frame))
		return QLM_FRAME_BAD;
	return QLM_FRAME_CONTROL;
}

static QlmFrameEvent
read_message(QlmFrameReader *reader, char **data, Size *len, QlmFrame *frame)
{
	Size		n = Min(reader->left, *len);

	frame->kind = reader->message_kind;
	frame->payload = *data;
	frame->len = n;
	unmask(reader, *data, n);
	reader->left -= n;
	*data += n;
	*len -= n;
	if (reader->message_kind == QLM_FRAME_TEXT && !check_text(reader, frame->payload, n))
	{
		fail(reader, QLM_CLOSE_NOT_UTF8, "text is not UTF-8");
		return QLM_FRAME_BAD;
	}
	if (reader->left > 0)
		return n > 0 ? QLM_FRAME_PART : QLM_FRAME_MORE;
	end_frame(reader);
	if (!reader->is_last)
		return QLM_FRAME_PART;
	if (reader->utf8_left > 0)
	{
		fail(reader, QLM_CLOSE_NOT_UTF8, "text ends within a character");
		return QLM_FRAME_BAD;
	}
	reader->in_message = false;
	reader->message_len = 0;
	return QLM_FRAME_MESSAGE;
}

QlmFrameEvent
qlm_frame_read(QlmFrameReader *reader, char **data, Size *len, QlmFrame *frame)
{
	QlmFrameEvent event = QLM_FRAME_MORE;

	memset(frame, 0, sizeof(QlmFrame));
	if (reader->code == 0 && (reader->in_payload || read_header(reader, data, len)))
		event = is_control(reader->kind) ? read_control(reader, data, len, frame)
			: read_message(reader, data, len, frame);
	if (reader->code == 0)
		return event;
	frame->code = reader->code;
	frame->error = reader->error;
	return QLM_FRAME_BAD;
}

int
qlm_frame_header(char *to, QlmFrameKind kind, uint64 len)
{
	int			n = len <= 125 ? 0 : len <= PG_UINT16_MAX ? 2 : 8;

	to[0] = (char) (FINAL | kind);
	to[1] = (char) (n == 0 ? len : n == 2 ? 126 : 127);
	for (int i = 0; i < n; i++)
		to[2 + i] = (char) (len >> (8 * (n - 1 - i)));
	return 2 + n;
}

Size
qlm_frame_masked(char *to, QlmFrameKind kind, const uint8 mask[4],
				 const char *payload, Size len)
{
	int			n = qlm_frame_header(to, kind, len);

	to[1] |= (char) MASKED;
	memcpy(to + n, mask, 4);
	n += 4;
	if (len > 0)
		memcpy(to + n, payload, len);
	apply_mask(mask, 0, to + n, len);
	return n + len;
}

int
qlm_frame_close(char *to, int code, const char *reason)
{
	Size		len = Min(strlen(reason), QLM_MAX_CONTROL - 2);

	if (code == QLM_CLOSE_NO_CODE)
		return 0;

	/* Do not cut within a character. */
	if (reason[len] != '\0')
		while (len > 0 && ((uint8) reason[len] & 0xC0) == 0x80)
			len--;
	to[0] = (char) (code >> 8);
	to[1] = (char) code;
	memcpy(to + 2, reason, len);
	return (int) len + 2;
}
