/*
 * test_frame.c
 *		Frames of WebSockets, as they are written and as they are read.
 */
#include "postgres.h"

#include "base/limits.h"
#include "transport/websocket/frame.h"

#include "shim.h"
#include "tap.h"

#define LIMIT 70000

static char *
hex(const char *bytes, Size len)
{
	char	   *text = palloc(2 * len + 1);

	text[0] = '\0';
	for (Size i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", (uint8) bytes[i]);
	return text;
}

static void
test_headers(void)
{
	static const struct
	{
		uint64		len;
		const char *header;
	}			cases[] = {
		{0, "8100"},
		{125, "817d"},
		{126, "817e007e"},
		{65535, "817effff"},
		{65536, "817f0000000000010000"},
		{UINT64CONST(0x123456789A), "817f000000123456789a"}
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		char		header[QLM_MAX_FRAME_HEADER];

		tap_is(hex(header, qlm_frame_header(header, QLM_FRAME_TEXT, cases[i].len)),
			   cases[i].header, "the header of " UINT64_FORMAT " bytes", cases[i].len);
	}
}

static void
test_masked(void)
{
	static const uint8 mask[4] = {0x01, 0x02, 0x04, 0x08};
	char		frame[QLM_MAX_MASKED_HEADER + 126];
	char		long_text[126];

	tap_is(hex(frame, qlm_frame_masked(frame, QLM_FRAME_PING, mask, "", 0)),
		   "898001020408", "a frame of a client without payload");
	tap_is(hex(frame, qlm_frame_masked(frame, QLM_FRAME_TEXT, mask, "abcdef", 6)),
		   "81860102040860606" "76c6464", "one with");
	memset(long_text, 'x', sizeof(long_text));
	tap_ok(qlm_frame_masked(frame, QLM_FRAME_TEXT, mask, long_text, 126) == 134 &&
		   memcmp(frame, "\x81\xfe\0\x7e\1\2\4\x08\x79\x7a\x7c\x70", 12) == 0,
		   "one with two bytes of length");
}

/* The same frame, read at each end */
static void
test_ends(void)
{
	static const uint8 mask[4] = {0x01, 0x02, 0x04, 0x08};

	for (int i = 0; i < 4; i++)
	{
		bool		masked = i & 1;
		bool		from_server = i & 2;
		char		bytes[64];
		char	   *at = bytes;
		Size		len = masked ? qlm_frame_masked(bytes, QLM_FRAME_TEXT, mask, "text", 4) :
			qlm_frame_header(bytes, QLM_FRAME_TEXT, 4);
		QlmFrameReader reader;
		QlmFrame	frame;
		QlmFrameEvent event;

		if (!masked)
		{
			memcpy(bytes + len, "text", 4);
			len += 4;
		}
		qlm_frame_reader_init(&reader, LIMIT);
		reader.from_server = from_server;
		event = qlm_frame_read(&reader, &at, &len, &frame);
		if (masked == from_server)
			tap_ok(event == QLM_FRAME_BAD && frame.code == QLM_CLOSE_PROTOCOL,
				   "a %s frame of a %s is refused", masked ? "masked" : "plain",
				   from_server ? "server" : "client");
		else
			tap_ok(event == QLM_FRAME_MESSAGE && frame.len == 4 && len == 0 &&
				   memcmp(frame.payload, "text", 4) == 0, "a %s frame of a %s is read",
				   masked ? "masked" : "plain", from_server ? "server" : "client");
	}
}

static void
test_closes(void)
{
	char		payload[QLM_MAX_CONTROL];
	char		reason[201];
	int			len;

	tap_is(hex(payload, qlm_frame_close(payload, 1001, "bye")), "03e9627965", "a close");
	tap_is(hex(payload, qlm_frame_close(payload, QLM_CLOSE_NO_CODE, "")), "", "a close without code");

	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	tap_ok(qlm_frame_close(payload, 1000, reason) == 125, "a long reason is cut");
	memcpy(reason + 121, "\xE2\x82\xAC", 3);
	len = qlm_frame_close(payload, 1000, reason);
	tap_ok(len == 123, "but not within a character");
}

/* What is read from one frame of a text of so many bytes, in two pieces */
static void
test_split(Size len, Size cut)
{
	Size		size = 14 + len;
	char	   *bytes = palloc0(size);
	int			n = qlm_frame_header(bytes, QLM_FRAME_TEXT, len);
	QlmFrameReader reader;
	QlmFrame	frame;
	QlmFrameEvent event = QLM_FRAME_MORE;
	Size		seen = 0;
	char	   *at = bytes;
	bool		good = true;

	bytes[1] |= 0x80;
	memcpy(bytes + n, "\1\2\3\4", 4);
	for (Size i = 0; i < len; i++)
		bytes[n + 4 + i] = ('a' + i % 26) ^ (char) (i % 4 + 1);
	size = n + 4 + len;
	qlm_frame_reader_init(&reader, LIMIT);
	for (int piece = 0; piece < 2; piece++)
	{
		Size		left = piece == 0 ? cut : size - cut;

		while (left > 0)
		{
			event = qlm_frame_read(&reader, &at, &left, &frame);
			if (event == QLM_FRAME_BAD)
				break;
			for (Size i = 0; i < frame.len; i++)
				good &= frame.payload[i] == 'a' + (seen + i) % 26;
			seen += frame.len;
		}
	}
	tap_ok(good && event == QLM_FRAME_MESSAGE && seen == len && qlm_frame_is_between(&reader),
		   "%zu bytes, cut after %zu", len, cut);
}

/* Nothing is needed but the header to know that it is too much. */
static void
test_limit(void)
{
	char		good[] = "\x82\xFF\0\0\0\0\0\1\x11\x70\0\0\0\0";
	char		bad[] = "\x82\xFF\0\0\0\0\0\1\x11\x71\0\0\0\0";
	QlmFrameReader reader;
	QlmFrame	frame;
	char	   *at = good;
	Size		len = sizeof(good) - 1;

	qlm_frame_reader_init(&reader, LIMIT);
	tap_ok(qlm_frame_read(&reader, &at, &len, &frame) == QLM_FRAME_MORE && len == 0,
		   "as much as is allowed");
	at = bad;
	len = sizeof(bad) - 1;
	qlm_frame_reader_init(&reader, LIMIT);
	tap_ok(qlm_frame_read(&reader, &at, &len, &frame) == QLM_FRAME_BAD &&
		   frame.code == QLM_CLOSE_TOO_LARGE, "a byte more");
	at = good;
	len = sizeof(good) - 1;
	tap_ok(qlm_frame_read(&reader, &at, &len, &frame) == QLM_FRAME_BAD &&
		   len == sizeof(good) - 1, "and nothing is read after that");
}

int
main(void)
{
	test_headers();
	test_masked();
	test_ends();
	test_closes();
	for (Size cut = 1; cut < 14; cut++)
		test_split(100, cut);
	test_split(0, 3);
	test_split(126, 5);
	test_split(65535, 1000);
	test_split(65536, 11);
	test_split(LIMIT, 14 + 12345);
	test_limit();
	return tap_done();
}
