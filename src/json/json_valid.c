/*
 * json_valid.c
 *		Is a text JSON that the reader accepts?  This is asked for each value
 *		that is printed as JSON, so it allocates nothing.
 */
#include "postgres.h"

#include "base/number.h"
#include "json/json_valid.h"
#include "json/json_write.h"

#define MAX_DEPTH 1024			/* of what is open, a bit each */

typedef struct Scan
{
	const char *p;
	const char *end;
	int			depth;
	int			max_depth;
	uint8		objects[MAX_DEPTH / 8]; /* which of what is open is an object */
} Scan;

static void
skip_space(Scan *s)
{
	while (s->p < s->end && memchr(" \t\r\n", *s->p, 4) != NULL)
		s->p++;
}

static bool
skip_char(Scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/*
 * Reads four digits of a character that is not part of a pair, and that XML
 * can represent.
 */
static int
read_code(Scan *s)
{
	int			code = 0;

	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = qlm_hex_digit(*s->p++);

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

static bool
skip_code(Scan *s)
{
	int			code = read_code(s);

	if (code >= 0xD800 && code <= 0xDBFF)
	{
		if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
			return false;
		s->p += 2;
		code = read_code(s);
		return code >= 0xDC00 && code <= 0xDFFF;
	}
	return (code >= 0x20 || code == '\t' || code == '\n' || code == '\r') &&
		(code < 0xDC00 || code > 0xDFFF) && code < 0xFFFE;
}

/* Skips from after the opening quote to after the closing one. */
static bool
skip_string(Scan *s)
{
	while (s->p < s->end && *s->p != '"')
	{
		if ((unsigned char) *s->p < 0x20 ||
			(s->end - s->p >= 3 && memcmp(s->p, "\xEF\xBF", 2) == 0 &&
			 (unsigned char) s->p[2] >= 0xBE))
			return false;
		if (*s->p++ != '\\')
			continue;
		if (s->p == s->end)
			return false;
		if (*s->p++ != 'u')
		{
			if (memchr("\"\\/nrt", s->p[-1], 6) == NULL)
				return false;
		}
		else if (!skip_code(s))
			return false;
	}
	return s->p++ < s->end;
}

/* Skips a number or a word.  Returns false if it is neither. */
static bool
skip_word(Scan *s, bool may_be_null)
{
	const char *start = s->p;
	int			len;

	while (s->p < s->end && memchr(",]} \t\r\n", *s->p, 7) == NULL)
		s->p++;
	len = s->p - start;
	if (len == 4 && memcmp(start, "null", 4) == 0)
		return may_be_null;
	return (len == 4 && memcmp(start, "true", 4) == 0) ||
		(len == 5 && memcmp(start, "false", 5) == 0) ||
		qlm_json_is_number(start, len);
}

static bool
open_container(Scan *s)
{
	bool		is_object = *s->p++ == '{';
	uint8		bit = 1 << s->depth % 8;

	if (s->depth >= s->max_depth)
		return false;
	if (is_object)
		s->objects[s->depth / 8] |= bit;
	else
		s->objects[s->depth / 8] &= ~bit;
	s->depth++;
	return true;
}

static bool
in_object(const Scan *s)
{
	return s->objects[(s->depth - 1) / 8] & 1 << (s->depth - 1) % 8;
}

/* Skips the ends of open containers, up to a comma or the end of the text. */
static bool
skip_ends(Scan *s)
{
	while (s->depth > 0 && skip_char(s, in_object(s) ? '}' : ']'))
		s->depth--;
	return s->depth == 0 || skip_char(s, ',');
}

bool
qlm_json_is_valid(const char *text, int len, int max_depth)
{
	Scan		s = {text, text + len, 0, Min(max_depth, MAX_DEPTH)};

	do
	{
		skip_space(&s);
		if (s.depth > 0 && in_object(&s) &&
			(!skip_char(&s, '"') || !skip_string(&s) || !skip_char(&s, ':')))
			return false;
		skip_space(&s);
		if (s.p == s.end)
			return false;
		if (*s.p == '{' || *s.p == '[')
		{
			if (!open_container(&s))
				return false;
			if (!skip_char(&s, in_object(&s) ? '}' : ']'))
				continue;		/* its first member or element */
			s.depth--;
		}
		else if (*s.p == '"' && s.depth > 0)
		{
			s.p++;
			if (!skip_string(&s))
				return false;
		}
		else if (!skip_word(&s, s.depth > 0))
			return false;
		if (!skip_ends(&s))
			return false;
	} while (s.depth > 0);
	skip_space(&s);
	return s.p == s.end;
}
