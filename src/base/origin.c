/*
 * origin.c
 *		Lists of web origins (RFC 6454).
 */
#include "postgres.h"

#include "base/origin.h"

/* Cut the next entry off the list, which is NULL behind the last one. */
static bool
next_entry(const char **list, const char **entry, int *len)
{
	const char *text = *list;
	int			n;

	if (text == NULL)
		return false;
	n = strcspn(text, ",");
	*list = text[n] == ',' ? text + n + 1 : NULL;
	while (n > 0 && isspace((unsigned char) *text))
	{
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char) text[n - 1]))
		n--;
	*entry = text;
	*len = n;
	return true;
}

static bool
is_entry(const char *entry, int len, const char *text)
{
	return len == (int) strlen(text) && pg_strncasecmp(entry, text, len) == 0;
}

/* The host and port of scheme://host:port; NULL where it is none */
static const char *
authority_of(const char *origin, int len)
{
	int			scheme = 0;

	while (scheme < len && (isalnum((unsigned char) origin[scheme]) ||
							strchr("+-.", origin[scheme])))
		scheme++;
	if (scheme == 0 || len < scheme + 4 || strncmp(origin + scheme, "://", 3) != 0)
		return NULL;
	return origin + scheme + 3;
}

static bool
is_origin(const char *entry, int len)
{
	const char *authority = authority_of(entry, len);

	if (authority == NULL)
		return false;
	for (const char *p = authority; p < entry + len; p++)
	{
		if (!isalnum((unsigned char) *p) && !strchr("-._:[]", *p))
			return false;
	}
	return true;
}

QlmOriginVerdict
qlm_origin_judge(const char *list, const char *origin, const char *host)
{
	const char *authority;
	const char *entry;
	int			len;

	if (origin == NULL)
		return QLM_ORIGIN_SAME;
	while (next_entry(&list, &entry, &len))
	{
		if (is_entry(entry, len, "*"))
			return QLM_ORIGIN_ANY;
		if (len > 0 && is_entry(entry, len, origin))
			return QLM_ORIGIN_LISTED;
	}
	authority = authority_of(origin, strlen(origin));
	if (authority && host && pg_strcasecmp(authority, host) == 0)
		return QLM_ORIGIN_SAME;
	return QLM_ORIGIN_FOREIGN;
}

bool
qlm_origin_list_varies(const char *list)
{
	const char *entry;
	int			len;
	bool		varies = false;

	while (next_entry(&list, &entry, &len))
	{
		if (is_entry(entry, len, "*"))
			return false;
		varies |= len > 0;
	}
	return varies;
}

bool
qlm_origin_list_valid(const char *list, const char **bad, int *bad_len)
{
	bool		first = true;

	while (next_entry(&list, bad, bad_len))
	{
		if (*bad_len == 0 && first && list == NULL)
			return true;		/* nothing at all */
		if (!is_entry(*bad, *bad_len, "*") && !is_entry(*bad, *bad_len, "null") &&
			!is_origin(*bad, *bad_len))
			return false;
		first = false;
	}
	return true;
}
