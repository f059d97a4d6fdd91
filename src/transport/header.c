/*
 * header.c
 *		Values of HTTP headers.
 */
#include "postgres.h"

#include "transport/header.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

bool
qlm_header_is_form(const char *content_type)
{
	Size		len = strlen(FORM_TYPE);

	return pg_strncasecmp(content_type, FORM_TYPE, len) == 0 &&
		strchr("; \t", content_type[len]) != NULL;
}

bool
qlm_header_charset(const char *content_type, char *charset, Size size)
{
	const char *p = content_type;
	Size		len;

	for (;;)
	{
		p = strchr(p, ';');
		if (p == NULL)
			return false;
		p += 1 + strspn(p + 1, " \t");
		if (pg_strncasecmp(p, "charset=", 8) == 0)
			break;
	}
	p += 8;
	p += *p == '"';
	len = strcspn(p, "\"; \t");
	if (len == 0 || len >= size)
		return false;
	memcpy(charset, p, len);
	charset[len] = '\0';
	return true;
}

bool
qlm_header_length(const char *value, Size len, uint64 *length)
{
	Size		i;

	*length = 0;
	if (len == 0 || len > 18)
		return false;
	for (i = 0; i < len; i++)
	{
		if (value[i] < '0' || value[i] > '9')
			return false;
		*length = *length * 10 + (value[i] - '0');
	}
	return true;
}

/* Past a token or a quoted string */
static const char *
skip_word(const char *p)
{
	if (*p != '"')
		return p + strcspn(p, " \t=;,\"");
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* Digits, perhaps in quotes; anything beyond what makes sense is as good. */
static int
parse_seconds(const char *p)
{
	int			seconds = 0;

	p += *p == '"';
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++)
		seconds = Min(seconds * 10 + (*p - '0'), PG_INT32_MAX / 100);
	return strchr(" \t;,\"", *p) ? seconds : -1;
}

int
qlm_header_prefer_wait(const char *p)
{
	bool		is_parameter = false;

	while (*(p += strspn(p, " \t")))
	{
		const char *name = p;
		Size		len;

		p = skip_word(p);
		len = p - name;
		p += strspn(p, " \t");
		if (*p == '=')
		{
			p += 1 + strspn(p + 1, " \t");
			if (!is_parameter && len == 4 && pg_strncasecmp(name, "wait", 4) == 0)
				return parse_seconds(p);
			p = skip_word(p);
			p += strspn(p, " \t");
		}
		is_parameter = *p == ';';
		if (*p == ';' || *p == ',')
			p++;
		else if (p == name)
			return -1;
	}
	return -1;
}
