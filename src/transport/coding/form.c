/*
 * form.c
 *		Percent-encoded text: form posts and paths.
 */
#include "postgres.h"

#include "base/number.h"
#include "utils/memutils.h"

#include "transport/coding/form.h"

/* Returns the byte of the escape %XX at p, or -1 if it is not an escape. */
static inline int
escaped_byte(const char *p, const char *end)
{
	int			high;
	int			low;

	if (end - p < 3)
		return -1;
	high = qlm_hex_digit(p[1]);
	low = qlm_hex_digit(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Is c part of the name of a form field, as browsers and libraries send it? */
static inline bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || strchr("_-.[]%+", c) != NULL;
}

static inline bool
starts_with_amp(const char *p, const char *end)
{
	return end - p >= 4 && memcmp(p, "amp;", 4) == 0;
}

/*
 * Does another field start at p, which follows an ampersand?  An envelope that
 * was not encoded contains ampersands itself, those of entities.
 */
static bool
is_field_start(const char *p, const char *end)
{
	bool		escaped = starts_with_amp(p, end);
	const char *name;

	if (escaped)
		p += 4;
	for (name = p; p < end && *p != '\0' && is_name_char(*p); p++)
		;
	if (p < end && *p == '=')
		return p > name;
	return !escaped && (p == end || *p == '&');
}

static char *
find_message(char *body, char *end)
{
	char	   *p = body;

	for (;;)
	{
		if (starts_with_amp(p, end))
			p += 4;
		if (end - p >= 4 && memcmp(p, "msg=", 4) == 0)
			return p + 4;
		p = memchr(p, '&', end - p);
		if (p == NULL)
			return NULL;
		p++;
	}
}

static char *
find_message_end(char *p, char *end)
{
	while ((p = memchr(p, '&', end - p)) != NULL)
	{
		if (is_field_start(p + 1, end))
			return p;
		p++;
	}
	return end;
}

char *
qlm_form_message(char *body, Size len, Size *message_len)
{
	char	   *from = find_message(body, body + len);
	char	   *message = from;
	char	   *to = from;
	char	   *end;

	if (from == NULL)
		return NULL;
	end = find_message_end(from, body + len);
	while (from < end)
	{
		int			byte;

		if (*from == '%' && (byte = escaped_byte(from, end)) >= 0)
		{
			*to++ = (char) byte;
			from += 3;
		}
		else
		{
			*to++ = *from == '+' ? ' ' : *from;
			from++;
		}
	}
	*message_len = to - message;
	return message;
}

static bool
decode(char *text, const char *keep)
{
	const char *end = text + strlen(text);
	const char *from = text;
	char	   *to = text;

	while (from < end)
	{
		int			byte = *from == '%' ? escaped_byte(from, end) : (unsigned char) *from;

		if (byte <= 0)
			return false;
		if (*from != '%' || strchr(keep, byte))
			*to++ = *from++;
		else
		{
			*to++ = (char) byte;
			from += 3;
		}
	}
	*to = '\0';
	return true;
}

bool
qlm_form_decode_path(char *path)
{
	return decode(path, "/%");
}

bool
qlm_form_decode(char *text)
{
	return decode(text, "");
}

char *
qlm_form_encode(MemoryContext context, const char *body, Size body_len, Size *len)
{
	static const char digits[] = "0123456789ABCDEF";
	char	   *form;
	char	   *p;

	form = MemoryContextAllocExtended(context, body_len * 3 + sizeof("msg="),
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (form == NULL)
		return NULL;
	memcpy(form, "msg=", 4);
	p = form + 4;
	for (Size i = 0; i < body_len; i++)
	{
		unsigned char c = body[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_')
			*p++ = c;
		else
		{
			*p++ = '%';
			*p++ = digits[c >> 4];
			*p++ = digits[c & 15];
		}
	}
	*len = p - form;
	return form;
}
