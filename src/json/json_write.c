/*
 * json_write.c
 *		Writes JSON.
 *
 * PostgreSQL's escape_json is part of the server, and this folder is also
 * built without it.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "json/json_write.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
append_escape(StringInfo buf, unsigned char c)
{
	switch (c)
	{
		case '"':
			appendStringInfoString(buf, "\\\"");
			break;
		case '\\':
			appendStringInfoString(buf, "\\\\");
			break;
		case '\n':
			appendStringInfoString(buf, "\\n");
			break;
		case '\r':
			appendStringInfoString(buf, "\\r");
			break;
		case '\t':
			appendStringInfoString(buf, "\\t");
			break;
		default:				/* as in XML, and as the reader accepts it */
			appendStringInfoString(buf, "\xEF\xBF\xBD");
	}
}

/* U+FFFE and U+FFFF, which messages cannot hold either */
static bool
is_noncharacter(const char *p, const char *end)
{
	return end - p >= 3 && p[0] == '\xEF' && p[1] == '\xBF' &&
		(p[2] == '\xBE' || p[2] == '\xBF');
}

void
qlm_json_text_len(StringInfo buf, const char *text, int len)
{
	const char *end = text + len;
	const char *run = text;

	appendStringInfoChar(buf, '"');
	for (const char *p = text; p < end; p++)
	{
		unsigned char c = (unsigned char) *p;
		bool		noncharacter = c == 0xEF && is_noncharacter(p, end);

		if (c >= 0x20 && c != '"' && c != '\\' && !noncharacter)
			continue;
		appendBinaryStringInfo(buf, run, p - run);
		append_escape(buf, c);
		run = p + (noncharacter ? 3 : 1);
	}
	appendBinaryStringInfo(buf, run, end - run);
	appendStringInfoChar(buf, '"');
}

void
qlm_json_text(StringInfo buf, const char *text)
{
	qlm_json_text_len(buf, text, strlen(text));
}

void
qlm_json_next(StringInfo buf)
{
	char		last = buf->len > 0 ? buf->data[buf->len - 1] : '[';

	if (last != '{' && last != '[')
		appendStringInfoChar(buf, ',');
}

void
qlm_json_name(StringInfo buf, const char *name)
{
	qlm_json_next(buf);
	appendStringInfoChar(buf, '"');
	appendStringInfoString(buf, name);
	appendStringInfoString(buf, "\":");
}

void
qlm_json_member(StringInfo buf, const char *name, const char *text)
{
	if (text == NULL)
		return;
	qlm_json_name(buf, name);
	qlm_json_text(buf, text);
}

void
qlm_json_time(StringInfo buf, const char *name, bool given, TimestampTz ts)
{
	if (!given)
		return;
	qlm_json_name(buf, name);
	appendStringInfoChar(buf, '"');
	qlm_datetime_append(buf, ts);
	appendStringInfoChar(buf, '"');
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

bool
qlm_json_is_number(const char *text, int len)
{
	const char *p = text;
	const char *end = text + len;

	if (p < end && *p == '-')
		p++;
	if (p == end || !is_digit(*p))
		return false;
	p = *p == '0' ? p + 1 : skip_digits(p, end);
	if (p < end && *p == '.')
	{
		if (++p == end || !is_digit(*p))
			return false;
		p = skip_digits(p, end);
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (p == end || !is_digit(*p))
			return false;
		p = skip_digits(p, end);
	}
	return p == end;
}
