/*
 * header.c
 *		Parses values of HTTP headers.
 */
#include "postgres.h"

#include "transport/coding/header.h"

bool
qlm_header_is_type(const char *value, const char *type)
{
	Size		len = strlen(type);

	return pg_strncasecmp(value, type, len) == 0 &&
		strchr("; \t", value[len]) != NULL;
}

bool
qlm_header_has_token(const char *list, const char *token)
{
	Size		len = strlen(token);

	while (*(list += strspn(list, ", \t")))
	{
		Size		n = strcspn(list, ", \t");

		if (n == len && pg_strncasecmp(list, token, n) == 0)
			return true;
		list += n;
	}
	return false;
}

bool
qlm_header_is_form(const char *content_type)
{
	return qlm_header_is_type(content_type, "application/x-www-form-urlencoded");
}

/*
 * Copies a token or a quoted string, without quotes.  Returns what follows.
 * *copied is whether it was not empty and fits.
 */
static const char *
copy_word(const char *p, char *copy, Size size, bool *copied)
{
	bool		is_quoted = *p == '"';
	Size		len = 0;

	for (p += is_quoted; *p && !(is_quoted ? *p == '"' : strchr("\"; \t,", *p) != NULL); p++)
	{
		if (is_quoted && *p == '\\' && p[1])
			p++;
		if (len < size)
			copy[len] = *p;
		len++;
	}
	*copied = len > 0 && len < size;
	copy[*copied ? len : 0] = '\0';
	return is_quoted && *p ? p + 1 : p;
}

bool
qlm_header_parameter(const char *value, const char *name, char *text, Size size)
{
	Size		len = strlen(name);
	const char *p = value + strcspn(value, ";");
	bool		copied;

	while (*p == ';')
	{
		p += 1 + strspn(p + 1, " \t");
		if (pg_strncasecmp(p, name, len) == 0 && p[len] == '=')
		{
			copy_word(p + len + 1, text, size, &copied);
			return copied;
		}
		p += strcspn(p, "=;");
		if (*p == '=')
			p = copy_word(p + 1, text, size, &copied);
		p += strcspn(p, ";");
	}
	return false;
}

bool
qlm_header_charset(const char *content_type, char *charset, Size size)
{
	return qlm_header_parameter(content_type, "charset", charset, size);
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

/* Skips a token or a quoted string. */
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

/* Parses digits, perhaps in quotes; values that are too large are cut. */
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

/* Parses a q-value like 0.5 as thousandths; 1000 if it is invalid. */
static int
parse_quality(const char *p)
{
	int			quality = *p == '1' ? 1000 : 0;
	int			unit = 100;

	if (*p != '0' && *p != '1')
		return 1000;
	if (p[1] == '.')
	{
		for (p += 2; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
			quality += (*p - '0') * unit;
	}
	return Min(quality, 1000);
}

int
qlm_header_quality(const char *p, const char *name)
{
	Size		len = strlen(name);

	while (*(p += strspn(p, " \t,")))
	{
		Size		n = strcspn(p, " \t;,");
		bool		found = n == len && pg_strncasecmp(p, name, len) == 0;
		int			quality = 1000;

		for (p += n; *p && *p != ','; p++)
		{
			if (*p != ';')
				continue;
			p += strspn(p, "; \t");
			if (pg_strncasecmp(p, "q=", 2) == 0)
				quality = parse_quality(p + 2);
			p--;
		}
		if (found)
			return quality;
	}
	return -1;
}

QlmAcceptCoding
qlm_header_accept_encoding(const char *value)
{
	QlmAcceptCoding accept = {false, true};
	int			any;
	int			gzip;
	int			identity;

	if (value == NULL)
		return accept;
	any = qlm_header_quality(value, "*");
	gzip = qlm_header_quality(value, "gzip");
	if (gzip < 0)
		gzip = qlm_header_quality(value, "x-gzip");
	if (gzip < 0)
		gzip = any;
	identity = qlm_header_quality(value, "identity");
	accept.identity = identity > 0 || (identity < 0 && any != 0);
	accept.gzip = gzip > 0 && gzip >= identity;
	return accept;
}
