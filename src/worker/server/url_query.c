/*
 * url_query.c
 *		The arguments of a URL.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/similar_name.h"
#include "transport/coding/form.h"
#include "worker/server/url_query.h"

#define MAX_NAME_SHOWN 80

const char *
qlm_url_query_value(const char *query, const char *name)
{
	Size		len = strlen(name);
	const char *p = query;

	for (;;)
	{
		Size		size = strcspn(p, "&");

		if (size > len && p[len] == '=' && memcmp(p, name, len) == 0)
		{
			char	   *value = pnstrdup(p + len + 1, size - len - 1);

			return qlm_form_decode(value) ? value : "";
		}
		if (p[size] == '\0')
			return NULL;
		p += size + 1;
	}
}

/* Formats a list like "a, b and c". */
static const char *
list_names(const char *const *known)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; known[i] != NULL; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : known[i + 1] ? ", " : " and ",
						 known[i]);
	return buf.data;
}

/* Shortens a name for an error that its sender gets to see. */
static const char *
quote(const char *name)
{
	int			len = strlen(name);

	if (len > MAX_NAME_SHOWN)
		len = pg_encoding_mbcliplen(PG_UTF8, name, len, MAX_NAME_SHOWN);
	return pnstrdup(name, len);
}

static const char *
unknown_problem(const char *name, const char *const *known)
{
	const char *meant = qlm_similar_name_hint(name, known);

	if (!pg_verify_mbstr(PG_UTF8, name, strlen(name), true))
		return "the name of an argument is no UTF-8";
	return psprintf("\"%s\" is not an argument here%s: there are %s", quote(name),
					meant ? psprintf(", did you mean %s", meant) : "",
					list_names(known));
}

/* Returns the index of a known name, or -1. */
static int
find_name(const char *name, const char *const *known)
{
	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0)
			return i;
	return -1;
}

const char *
qlm_url_query_problem(const char *query, const char *const *known)
{
	uint32		given = 0;

	for (const char *p = query;;)
	{
		Size		size = strcspn(p, "&");
		Size		len = strcspn(p, "&=");
		char	   *name = pnstrdup(p, len);
		int			n = find_name(name, known);

		/* A known name that is escaped does not count as known. */
		if (n < 0 && (!qlm_form_decode(name) ||
					  (size > 0 && (name[0] != '_' || qlm_similar_name_hint(name, known) != NULL))))
			return unknown_problem(name, known);
		if (n >= 0 && (given & (1 << n)))
			return psprintf("%s is given twice", known[n]);
		if (n >= 0 && size <= len + 1)
			return psprintf("%s has no value", known[n]);
		if (n >= 0)
			given |= 1 << n;
		pfree(name);
		if (p[size] == '\0')
			return NULL;
		p += size + 1;
	}
}
