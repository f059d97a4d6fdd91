/*
 * multipart.c
 *		Parses multipart/form-data.
 */
#include "postgres.h"

#include "transport/coding/header.h"
#include "transport/coding/multipart.h"

#define MAX_PART_HEAD	(16 * 1024)

/* The delimiter of the parts: CR LF -- boundary */
typedef struct Delimiter
{
	char		text[4 + QLM_MAX_BOUNDARY + 1];
	Size		len;
} Delimiter;

bool
qlm_multipart_is_form(const char *content_type)
{
	return qlm_header_is_type(content_type, "multipart/form-data");
}

static bool
make_delimiter(const char *content_type, Delimiter *delimiter)
{
	memcpy(delimiter->text, "\r\n--", 4);
	if (!qlm_header_parameter(content_type, "boundary", delimiter->text + 4,
							  QLM_MAX_BOUNDARY + 1))
		return false;
	delimiter->len = strlen(delimiter->text);
	return true;
}

/*
 * Searches a text that begins with CR and contains no other, like each
 * delimiter: so no byte is compared often.
 */
static char *
find(char *p, const char *end, const char *text, Size len)
{
	while (end - p >= len && (p = memchr(p, '\r', end - p - len + 1)) != NULL)
	{
		if (memcmp(p, text, len) == 0)
			return p;
		p++;
	}
	return NULL;
}

/*
 * Is p, after a delimiter, the end of its line?  Returns the start of the next
 * line, or NULL if the line goes on.
 */
static char *
skip_delimiter_end(char *p, char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? p + 2 : NULL;
}

/*
 * Returns the next delimiter from p on, or NULL. *after is what follows it,
 * NULL after the last one.
 */
static char *
find_delimiter(char *p, char *end, const Delimiter *delimiter, char **after)
{
	while ((p = find(p, end, delimiter->text, delimiter->len)) != NULL)
	{
		char	   *rest = p + delimiter->len;

		*after = skip_delimiter_end(rest, end);
		if (*after || (end - rest >= 2 && rest[0] == '-' && rest[1] == '-'))
			return p;
		p = rest;
	}
	return NULL;
}

/* The first delimiter may be at the very beginning, without CR LF. */
static char *
find_first_part(char *body, char *end, const Delimiter *delimiter)
{
	Size		len = delimiter->len - 2;
	char	   *after;

	if (end - body >= len && memcmp(body, delimiter->text + 2, len) == 0 &&
		(after = skip_delimiter_end(body + len, end)) != NULL)
		return after;
	return find_delimiter(body, end, delimiter, &after) ? after : NULL;
}

/* Returns the value of the header if it has this name, or NULL. */
static const char *
header_value(const char *line, const char *name)
{
	Size		len = strlen(name);

	if (pg_strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	return line + len + 1 + strspn(line + len + 1, " \t");
}

/*
 * Reads the headers of a part, whose lines are cut in place.  Returns where
 * its content starts, or NULL if the headers do not end.
 */
static char *
read_head(char *p, char *end, bool *is_message, char *charset, Size size)
{
	char	   *limit = Min(end, p + MAX_PART_HEAD);

	*is_message = false;
	charset[0] = '\0';
	for (;;)
	{
		char	   *line_end = find(p, limit, "\r\n", 2);
		const char *value;
		char		name[8];

		if (line_end == NULL)
			return NULL;
		if (line_end == p)
			return p + 2;
		*line_end = '\0';
		if ((value = header_value(p, "Content-Disposition")) != NULL)
			*is_message = qlm_header_is_type(value, "form-data") &&
				qlm_header_parameter(value, "name", name, sizeof(name)) &&
				strcmp(name, "msg") == 0;
		else if ((value = header_value(p, "Content-Type")) != NULL)
			(void) qlm_header_charset(value, charset, size);
		p = line_end + 2;
	}
}

char *
qlm_multipart_message(char *body, Size len, const char *content_type,
					  Size *message_len, char *charset, Size charset_size)
{
	Delimiter	delimiter;
	char	   *end = body + len;
	char	   *part;

	if (!make_delimiter(content_type, &delimiter))
		return NULL;
	part = find_first_part(body, end, &delimiter);
	while (part)
	{
		bool		is_message;
		char	   *content = read_head(part, end, &is_message, charset, charset_size);
		char	   *content_end;

		/* If the content is empty its CR LF is that of the headers. */
		content_end = content ? find_delimiter(content - 2, end, &delimiter, &part) : NULL;
		if (content_end == NULL)
			return NULL;
		if (is_message)
		{
			*message_len = Max(content_end - content, 0);
			return content;
		}
	}
	return NULL;
}
