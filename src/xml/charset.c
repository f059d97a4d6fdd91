/*
 * charset.c
 *		Converts the bytes of an envelope to valid UTF-8, for the reader.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "xml/charset.h"

typedef struct Replacement
{
	unsigned char byte;
	uint16		code;
} Replacement;

/* The differences between ISO-8859-15 and ISO-8859-1 */
static const Replacement latin9[] = {
	{0xA4, 0x20AC}, {0xA6, 0x0160}, {0xA8, 0x0161}, {0xB4, 0x017D},
	{0xB8, 0x017E}, {0xBC, 0x0152}, {0xBD, 0x0153}, {0xBE, 0x0178}
};

/* The bytes 0x80 to 0x9F of Windows-1252; 0: none */
static const uint16 windows1252[] = {
	0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
	0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178
};

static const struct
{
	const char *name;
	QlmCharset	charset;
}			names[] = {
	{"utf-8", QLM_UTF8},
	{"utf8", QLM_UTF8},
	{"us-ascii", QLM_UTF8},
	{"ascii", QLM_UTF8},
	{"utf-16", QLM_UTF16},
	{"utf-16le", QLM_UTF16LE},
	{"utf-16be", QLM_UTF16BE},
	{"iso-8859-1", QLM_LATIN1},
	{"latin1", QLM_LATIN1},
	{"iso-8859-15", QLM_LATIN9},
	{"windows-1252", QLM_WINDOWS1252},
	{"cp1252", QLM_WINDOWS1252}
};

QlmCharset
qlm_charset_by_name(const char *name, int len)
{
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i].name) == len &&
			pg_strncasecmp(name, names[i].name, len) == 0)
			return names[i].charset;
	}
	return QLM_CHARSET_UNKNOWN;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Finds the value of encoding="..." in an XML declaration.  Returns false if
 * there is none.
 */
static bool
declared_name(const char *head, int len, const char **name, int *name_len)
{
	static const char word[] = "encoding";
	const char *end = head + len;
	const char *p = head;
	char		quote;

	for (;; p++)
	{
		p = memchr(p, 'e', end - p);
		if (p == NULL || end - p < (int) sizeof(word))
			return false;
		if (memcmp(p, word, sizeof(word) - 1) == 0)
			break;
	}
	p += sizeof(word) - 1;
	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p++ != '=')
		return false;
	while (p < end && is_blank(*p))
		p++;
	if (p == end || (*p != '"' && *p != '\''))
		return false;
	quote = *p++;
	*name = p;
	while (p < end && *p != quote)
		p++;
	*name_len = p - *name;
	return p < end;
}

/* Returns the end of an XML declaration, or NULL. */
static const char *
declaration_end(const char *head, int len)
{
	for (int i = 0; i + 1 < len; i++)
	{
		if (head[i] == '?' && head[i + 1] == '>')
			return head + i;
	}
	return NULL;
}

static QlmCharset
detect_declared(const char *head, int len, bool complete,
				const char **name, int *name_len)
{
	static const char opening[] = "<?xml";
	const char *end;
	QlmCharset	charset;

	if (memcmp(head, opening, Min(len, (int) sizeof(opening) - 1)) != 0)
		return QLM_UTF8;
	end = declaration_end(head, len);
	if (end == NULL)
		return complete || len >= QLM_CHARSET_HEAD ?
			QLM_UTF8 : QLM_CHARSET_UNDECIDED;
	if (!declared_name(head, end - head, name, name_len))
		return QLM_UTF8;

	/* A declaration that can be read is not in UTF-16, even if it says so. */
	charset = qlm_charset_by_name(*name, *name_len);
	if (charset == QLM_UTF16 || charset == QLM_UTF16LE ||
		charset == QLM_UTF16BE)
		charset = QLM_UTF8;
	return charset;
}

QlmCharset
qlm_charset_detect(const char *head, int len, bool complete,
				   QlmCharset transport, int *mark,
				   const char **name, int *name_len)
{
	QlmCharset	charset = QLM_CHARSET_UNDECIDED;

	*mark = 0;
	if (len < 4 && !complete)
		return QLM_CHARSET_UNDECIDED;

	if (len >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0)
	{
		*mark = 3;
		return QLM_UTF8;
	}
	if (len >= 2 && (memcmp(head, "\xFF\xFE", 2) == 0 ||
					 memcmp(head, "\xFE\xFF", 2) == 0))
	{
		*mark = 2;
		return head[0] == '\xFF' ? QLM_UTF16LE : QLM_UTF16BE;
	}

	if (transport == QLM_CHARSET_UNDECIDED || transport == QLM_UTF16)
	{
		if (len >= 2 && memcmp(head, "<\0", 2) == 0)
			charset = QLM_UTF16LE;
		else if (len >= 2 && memcmp(head, "\0<", 2) == 0)
			charset = QLM_UTF16BE;
		else if (transport == QLM_UTF16)
			charset = QLM_UTF16BE;
	}
	else
		charset = transport;
	if (charset != QLM_CHARSET_UNDECIDED)
		return charset;
	return detect_declared(head, len, complete, name, name_len);
}

static int
check_utf8(const char *data, int len, bool *valid)
{
	int			checked = pg_encoding_verifymbstr(PG_UTF8, data, len);
	int			rest = len - checked;
	unsigned char lead;

	*valid = true;
	if (rest == 0)
		return checked;

	lead = (unsigned char) data[checked];
	*valid = lead >= 0xC2 && lead <= 0xF4 &&
		rest < pg_utf_mblen((const unsigned char *) data + checked);
	for (int i = 1; i < rest && *valid; i++)
		*valid = (data[checked + i] & 0xC0) == 0x80;
	return checked;
}

static uint32
utf16_unit(QlmCharset charset, const char *data)
{
	unsigned char first = data[0];
	unsigned char second = data[1];

	return charset == QLM_UTF16LE ? second << 8 | first : first << 8 | second;
}

static int
check_utf16(QlmCharset charset, const char *data, int len, bool *valid)
{
	int			pos;
	int			width;

	*valid = true;
	for (pos = 0; len - pos >= 2; pos += width)
	{
		uint32		unit = utf16_unit(charset, data + pos);

		width = 2;
		if (unit == 0 || (unit & 0xFC00) == 0xDC00)
			*valid = false;
		else if ((unit & 0xFC00) == 0xD800)
		{
			if (len - pos < 4)
				break;
			width = 4;
			if ((utf16_unit(charset, data + pos + 2) & 0xFC00) != 0xDC00)
				*valid = false;
		}
		if (!*valid)
			break;
	}
	return pos;
}

/* Returns the character of a byte; 0: none */
static uint32
single_byte(QlmCharset charset, unsigned char byte)
{
	if (charset == QLM_WINDOWS1252 && byte >= 0x80 && byte <= 0x9F)
		return windows1252[byte - 0x80];
	if (charset == QLM_LATIN9)
	{
		for (int i = 0; i < lengthof(latin9); i++)
		{
			if (latin9[i].byte == byte)
				return latin9[i].code;
		}
	}
	return byte;
}

int
qlm_charset_check(QlmCharset charset, const char *data, int len, bool *valid)
{
	if (charset == QLM_UTF8)
		return check_utf8(data, len, valid);
	if (charset == QLM_UTF16LE || charset == QLM_UTF16BE)
		return check_utf16(charset, data, len, valid);

	*valid = true;
	for (int i = 0; i < len; i++)
	{
		if (single_byte(charset, data[i]) == 0)
		{
			*valid = false;
			return i;
		}
	}
	return len;
}

int
qlm_charset_convert(QlmCharset charset, const char *data, int len, char *utf8)
{
	bool		wide = charset == QLM_UTF16LE || charset == QLM_UTF16BE;
	unsigned char *p = (unsigned char *) utf8;
	uint32		code;

	for (int i = 0; i < len; i++)
	{
		if (!wide)
			code = single_byte(charset, data[i]);
		else
		{
			code = utf16_unit(charset, data + i++);
			if ((code & 0xFC00) == 0xD800)
			{
				code = 0x10000 + ((code & 0x3FF) << 10) +
					(utf16_unit(charset, data + i + 1) & 0x3FF);
				i += 2;
			}
		}
		unicode_to_utf8(code, p);
		p += pg_utf_mblen(p);
	}
	return (char *) p - utf8;
}
