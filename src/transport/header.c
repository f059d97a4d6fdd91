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
