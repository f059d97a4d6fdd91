/*
 * accept_header.c
 *		Parses the Accept header of HTTP.
 */
#include "postgres.h"

#include "base/accept_header.h"


static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static bool
is_text(const char *p, Size len, const char *text)
{
	return len == strlen(text) && pg_strncasecmp(p, text, len) == 0;
}

/* How precisely does a media range of this length name the type? */
static int
precision_of(const char *range, Size len, const char *type)
{
	Size		prefix = strchr(type, '/') - type + 1;

	if (is_text(range, len, "*/*") || is_text(range, len, "*"))
		return 1;
	if (len == prefix + 1 && range[prefix] == '*' &&
		pg_strncasecmp(range, type, prefix) == 0)
		return 2;
	return is_text(range, len, type) ? 3 : 0;
}

/*
 * Returns 0 to 1000 for 0.5, 1 or 1.000, and 1000 for anything that is not a
 * number.
 */
static int
parse_quality(const char *p)
{
	int			quality = *p == '0' ? 0 : 1000;
	int			unit = 100;

	if (quality > 0 || p[1] != '.')
		return quality;
	for (p += 2; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
		quality += (*p - '0') * unit;
	return quality;
}

/* Processes one parameter; p is after the semicolon. */
static void
note_parameter(const char *p, QlmAcceptance *acceptance)
{
	p = skip_blanks(p);
	if (pg_strncasecmp(p, "q=", 2) == 0)
		acceptance->quality = parse_quality(p + 2);
	else if (pg_strncasecmp(p, "version=", 8) == 0)
		acceptance->is_v2 = p[8] == '2' || strncmp(p + 8, "\"2", 2) == 0;
}

QlmAcceptance
qlm_accept_header_quality(const char *header, const char *type)
{
	QlmAcceptance best = {0, 0, false};
	const char *p = header ? skip_blanks(header) : "";

	if (*p == '\0')
		return (QlmAcceptance) {1000, 0, false};
	while (*p != '\0')
	{
		QlmAcceptance found = {1000, 0, false};
		Size		len = strcspn(p, ",; \t");

		found.precision = precision_of(p, len, type);
		for (p += len; *p != '\0' && *p != ','; p += strcspn(p, ",;"))
			if (*p == ';')
				note_parameter(++p, &found);
			else
				p = skip_blanks(p);
		if (found.precision > best.precision ||
			(found.precision > 0 && found.precision == best.precision &&
			 found.quality > best.quality))
			best = found;
		p += strspn(p, ", \t");
	}
	return best;
}
