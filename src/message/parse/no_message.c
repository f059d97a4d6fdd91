/*
 * no_message.c
 *		Describes, by its beginning, a body that is not an envelope.
 *
 * Devices and scripts send formats of other servers, or declare a wrong type.
 * The answer shows what the node has received.
 */
#include "postgres.h"

#include "base/excerpt.h"
#include "message/parse/no_message.h"

#define UNDERSTOOD "A message is XML or a JSON object, but this one "

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
begins_with(const char *data, Size len, const char *bytes, Size n)
{
	return len >= n && memcmp(data, bytes, n) == 0;
}

/* Does a word with an equals sign follow the first word of the line? */
static bool
is_line_protocol(const char *line, const char *end)
{
	const char *blank = memchr(line, ' ', end - line);
	const char *next;

	if (blank == NULL || blank == line || end - blank < 2)
		return false;
	next = memchr(blank + 1, ' ', end - blank - 1);
	return memchr(blank + 1, '=', (next != NULL ? next : end) - blank - 1) != NULL;
}

/* Returns what a text looks like, for its sender. */
static const char *
kind_of_text(const char *data, Size len)
{
	const char *end = memchr(data, '\n', len);

	if (end == NULL)
		end = data + len;
	if (is_line_protocol(data, end))
		return ", as line protocol does, which this node does not know";
	if (memchr(data, ',', end - data) != NULL || memchr(data, ';', end - data) != NULL ||
		memchr(data, '\t', end - data) != NULL)
		return ", as csv may, which belongs in the msg of a write with the msgformat csv";
	return "";
}

/* Is every second byte zero, as far as they are examined? */
static bool
is_utf16(const char *data, Size len)
{
	char		c = data[0] != '\0' ? data[0] : data[1];

	if ((data[0] == '\0') == (data[1] == '\0') || c < ' ' || c == 0x7F)
		return false;
	return len < 4 || ((data[0] == '\0') == (data[2] == '\0') &&
					   (data[1] == '\0') == (data[3] == '\0'));
}

/* Describes bytes of UTF-16 that begin with an ASCII character. */
static const char *
explain_utf16(const char *data, Size len, bool mark)
{
	char		c = data[0] != '\0' ? data[0] : data[1];
	char		buf[QLM_BEGINNING_SIZE];

	if (c == '<')
		return NULL;
	if (c == '{' || c == '[')
		return "A message that is JSON is written in UTF-8, but this one in UTF-16";
	return psprintf(UNDERSTOOD "is a text in UTF-16%s that begins with \"%s\"",
					mark ? "" : ", without a byte order mark,",
					qlm_excerpt_beginning(&c, 1, buf));
}

/* Describes text or other bytes. */
static const char *
explain_bytes(const char *data, Size len)
{
	char		buf[QLM_BEGINNING_SIZE];

	if (begins_with(data, len, "\x1F\x8B", 2))
		return UNDERSTOOD "begins with what gzip makes, which Content-Encoding must say";
	if (begins_with(data, len, "msg=", 4))
		return UNDERSTOOD "begins with \"msg=\", as a form does, which Content-Type must say";
	if (begins_with(data, len, "--", 2))
		return UNDERSTOOD "begins with \"--\", as a multipart form does, which Content-Type must say";
	if (*data >= ' ' && *data < 0x7F)
		return psprintf(UNDERSTOOD "begins with \"%s\"%s", qlm_excerpt_beginning(data, len, buf),
						kind_of_text(data, len));
	return psprintf(UNDERSTOOD "begins with the byte 0x%02X", (unsigned char) *data);
}

const char *
qlm_no_message_explain(const char *data, Size len)
{
	while (len > 0 && is_space(*data))
	{
		data++;
		len--;
	}
	if (begins_with(data, len, "\xFF\xFE", 2) || begins_with(data, len, "\xFE\xFF", 2))
		return len >= 4 && is_utf16(data + 2, len - 2) ?
			explain_utf16(data + 2, len - 2, true) : NULL;
	if (begins_with(data, len, "\xEF\xBB\xBF", 3))
	{
		data += 3;
		len -= 3;
	}
	if (len == 0 || *data == '<')
		return NULL;
	if (len >= 2 && is_utf16(data, len))
		return explain_utf16(data, len, false);
	return explain_bytes(data, len);
}
