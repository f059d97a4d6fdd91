/*
 * writer.c
 *		Appends escaped XML to a StringInfo.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "xml/writer.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/*
 * Returns the escape of a byte, or NULL. In element content a carriage return
 * would be read back as a line feed, in attributes all white space as a blank.
 * ">" is escaped because of "]]>".
 */
static const char *
escape(unsigned char c, bool attribute)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '\r':
			return "&#13;";
		case '"':
			return attribute ? "&quot;" : NULL;
		case '\t':
			return attribute ? "&#9;" : NULL;
		case '\n':
			return attribute ? "&#10;" : NULL;
		default:
			return c < 0x20 ? REPLACEMENT : NULL;
	}
}

/* U+FFFE and U+FFFF, the only other characters that XML cannot represent */
static bool
is_noncharacter(const unsigned char *p, const unsigned char *end)
{
	return end - p >= 3 && p[0] == 0xEF && p[1] == 0xBF &&
		(p[2] == 0xBE || p[2] == 0xBF);
}

/* Can this byte be copied, whatever follows? */
static inline bool
is_plain(unsigned char c)
{
	return c > '>' ? c != 0xEF :
		(c >= ' ' && c != '&' && c != '<' && c != '>' && c != '"');
}

static void
append_escaped(StringInfo buf, const char *text, int len, bool attribute)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;
	const unsigned char *run = p;

	while (p < end)
	{
		const char *instead;
		int			width = 1;

		if (is_plain(*p))
		{
			p++;
			continue;
		}
		instead = escape(*p, attribute);
		if (is_noncharacter(p, end))
		{
			instead = REPLACEMENT;
			width = 3;
		}
		if (instead != NULL)
		{
			appendBinaryStringInfo(buf, (const char *) run, p - run);
			appendStringInfoString(buf, instead);
			run = p + width;
		}
		p += width;
	}
	appendBinaryStringInfo(buf, (const char *) run, p - run);
}

int
qlm_xml_find_impossible(const char *text, int len)
{
	const unsigned char *begin = (const unsigned char *) text;
	const unsigned char *end = begin + len;

	for (const unsigned char *p = begin; p < end; p++)
	{
		if (*p >= 0x20 ? *p != 0xEF : (*p == '\t' || *p == '\n' || *p == '\r'))
			continue;
		if (*p < 0x20 || is_noncharacter(p, end))
			return p - begin;
	}
	return -1;
}

bool
qlm_xml_can_hold(const char *text)
{
	return qlm_xml_find_impossible(text, strlen(text)) < 0;
}

void
qlm_xml_text(StringInfo buf, const char *text)
{
	append_escaped(buf, text, strlen(text), false);
}

void
qlm_xml_text_len(StringInfo buf, const char *text, int len)
{
	append_escaped(buf, text, len, false);
}

void
qlm_xml_attribute(StringInfo buf, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfoChar(buf, ' ');
	appendStringInfoString(buf, name);
	appendStringInfoString(buf, "=\"");
	append_escaped(buf, value, strlen(value), true);
	appendStringInfoChar(buf, '"');
}

void
qlm_xml_element(StringInfo buf, const char *name, const char *text)
{
	appendStringInfoChar(buf, '<');
	appendStringInfoString(buf, name);
	appendStringInfoChar(buf, '>');
	qlm_xml_text(buf, text);
	appendStringInfoString(buf, "</");
	appendStringInfoString(buf, name);
	appendStringInfoChar(buf, '>');
}

/* XML 1.0, fifth edition, productions 4 and 4a without the colon */
static bool
is_name_char(uint32 c, bool first)
{
	static const struct
	{
		uint32		from;
		uint32		to;
		bool		first;
	}			ranges[] = {
		{'A', 'Z', true}, {'a', 'z', true}, {'_', '_', true},
		{'0', '9', false}, {'-', '.', false}, {0xB7, 0xB7, false},
		{0xC0, 0xD6, true}, {0xD8, 0xF6, true}, {0xF8, 0x2FF, true},
		{0x300, 0x36F, false}, {0x370, 0x37D, true}, {0x37F, 0x1FFF, true},
		{0x200C, 0x200D, true}, {0x203F, 0x2040, false},
		{0x2070, 0x218F, true}, {0x2C00, 0x2FEF, true},
		{0x3001, 0xD7FF, true}, {0xF900, 0xFDCF, true},
		{0xFDF0, 0xFFFD, true}, {0x10000, 0xEFFFF, true}
	};

	for (int i = 0; i < lengthof(ranges); i++)
	{
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].first || !first;
	}
	return false;
}

bool
qlm_xml_is_name(const char *name)
{
	const unsigned char *p = (const unsigned char *) name;
	int			len = strlen(name);

	if (len == 0 || pg_encoding_verifymbstr(PG_UTF8, name, len) != len)
		return false;
	for (; *p; p += pg_utf_mblen(p))
	{
		if (!is_name_char(utf8_to_unicode(p), p == (const unsigned char *) name))
			return false;
	}
	return true;
}
