/*
 * html.c
 *		Recognises web pages in place of envelopes.
 *
 * A few words of the page are kept for error messages, without tags, scripts
 * and styles.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/url.h"
#include "message/parse/html.h"

#define MAX_RAW		400			/* bytes of words before secrets are masked */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static bool
begins_with(const char *data, const char *end, const char *word)
{
	Size		n = strlen(word);

	return end - data >= n && pg_strncasecmp(data, word, n) == 0;
}

/* Returns what follows the next occurrence of a text, or the end. */
static const char *
behind(const char *data, const char *end, const char *text)
{
	Size		n = strlen(text);

	for (; end - data >= n; data++)
		if (pg_strncasecmp(data, text, n) == 0)
			return data + n;
	return end;
}

/* Skips byte order mark, blanks, processing instructions and comments. */
static const char *
skip_prolog(const char *data, const char *end)
{
	if (begins_with(data, end, "\xEF\xBB\xBF"))
		data += 3;
	for (;;)
	{
		while (data < end && is_space(*data))
			data++;
		if (begins_with(data, end, "<?"))
			data = behind(data, end, "?>");
		else if (begins_with(data, end, "<!--"))
			data = behind(data, end, "-->");
		else
			return data;
	}
}

bool
qlm_html_is(const char *data, Size len)
{
	static const char *const beginnings[] = {
		"<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta"
	};
	const char *end = data + len;

	data = skip_prolog(data, end);
	for (int i = 0; i < lengthof(beginnings); i++)
	{
		const char *next = data + strlen(beginnings[i]);

		if (begins_with(data, end, beginnings[i]) &&
			(next == end || is_space(*next) || *next == '>' || *next == '/'))
			return true;
	}
	return false;
}

bool
qlm_html_is_nothing(const char *data, Size len)
{
	return skip_prolog(data, data + len) == data + len;
}

/* Skips a tag, and the contents of elements that are not shown. */
static const char *
skip_tag(const char *data, const char *end)
{
	if (begins_with(data, end, "<!--"))
		return behind(data, end, "-->");
	if (begins_with(data, end, "<script"))
		return behind(behind(data, end, "</script"), end, ">");
	if (begins_with(data, end, "<style"))
		return behind(behind(data, end, "</style"), end, ">");
	return behind(data, end, ">");
}

/*
 * Copies one character, or a question mark if it is invalid.  Returns its
 * length.
 */
static Size
copy_character(char *to, const char *data, const char *end)
{
	int			n = pg_utf_mblen((const unsigned char *) data);

	if (n > 1 && n <= end - data && pg_utf8_islegal((const unsigned char *) data, n))
	{
		memcpy(to, data, n);
		return n;
	}
	*to = (unsigned char) *data < ' ' || (unsigned char) *data > '~' ? '?' : *data;
	return 1;
}

/* Removes an incomplete character at the end of a text that was cut. */
static void
drop_cut_character(char *text)
{
	Size		len = strlen(text);
	Size		last = len;

	while (last > 0 && ((unsigned char) text[last - 1] & 0xC0) == 0x80)
		last--;
	if (last > 0 && last - 1 + pg_utf_mblen((const unsigned char *) text + last - 1) > len)
		text[last - 1] = '\0';
}

void
qlm_html_words(const char *data, Size len, char *to, Size size)
{
	const char *end = data + len;
	char		raw[MAX_RAW + MAX_MULTIBYTE_CHAR_LEN + 2];
	Size		n = 0;
	bool		is_gap = false;

	data = skip_prolog(data, end);
	while (data < end && n < MAX_RAW)
	{
		if (*data == '<' && data + 1 < end && strchr(" \t\r\n=", data[1]) == NULL)
		{
			data = skip_tag(data, end);
			is_gap = true;
			continue;
		}
		if (is_space(*data))
		{
			data++;
			is_gap = true;
			continue;
		}
		if (is_gap && n > 0)
			raw[n++] = ' ';
		is_gap = false;
		{
			Size		taken = copy_character(raw + n, data, end);

			n += taken;
			data += taken;
		}
	}
	raw[n] = '\0';
	qlm_url_mask(to, raw, size);
	drop_cut_character(to);
}
