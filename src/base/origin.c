/*
 * origin.c
 *		Lists of web origins (RFC 6454).
 */
#include "postgres.h"

#include "base/origin.h"
#include "base/setting_list.h"

/* Returns host and port of scheme://host:port, or NULL. */
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

/*
 * Does a browser say that a page of another site sends this, without naming
 * the site?  Following a link is always allowed, as the page does not see the
 * answer.
 */
static bool
is_cross_site(const QlmOriginCaller *caller)
{
	if (caller->fetch_site == NULL ||
		(pg_strcasecmp(caller->fetch_site, "cross-site") != 0 &&
		 pg_strcasecmp(caller->fetch_site, "same-site") != 0))
		return false;
	return !caller->only_looks || caller->fetch_mode == NULL ||
		pg_strcasecmp(caller->fetch_mode, "navigate") != 0;
}

static bool
is_authority_of(const char *url, const char *authority)
{
	const char *own = url ? authority_of(url, strlen(url)) : NULL;
	Size		len = own ? strcspn(own, "/") : 0;

	return len > 0 && len == strlen(authority) &&
		pg_strncasecmp(own, authority, len) == 0;
}

QlmOriginVerdict
qlm_origin_judge(const char *list, const QlmOriginCaller *caller)
{
	const char *origin = caller->origin;
	const char *authority;
	const char *entry;
	int			len;

	if (origin == NULL && !is_cross_site(caller))
		return QLM_ORIGIN_SAME;
	while (qlm_setting_list_next(&list, &entry, &len))
	{
		if (qlm_setting_list_is(entry, len, "*"))
			return QLM_ORIGIN_ANY;
		if (len > 0 && origin && qlm_setting_list_is(entry, len, origin))
			return QLM_ORIGIN_LISTED;
	}
	authority = origin ? authority_of(origin, strlen(origin)) : NULL;
	if (authority &&
		((caller->host && pg_strcasecmp(authority, caller->host) == 0) ||
		 is_authority_of(caller->url, authority) ||
		 (caller->forwarded &&
		  qlm_setting_list_is(caller->forwarded, caller->forwarded_len, authority))))
		return QLM_ORIGIN_SAME;
	return QLM_ORIGIN_FOREIGN;
}

bool
qlm_origin_list_varies(const char *list)
{
	const char *entry;
	int			len;
	bool		varies = false;

	while (qlm_setting_list_next(&list, &entry, &len))
	{
		if (qlm_setting_list_is(entry, len, "*"))
			return false;
		varies |= len > 0;
	}
	return varies;
}

bool
qlm_origin_list_valid(const char *list, const char **bad, int *bad_len)
{
	bool		first = true;

	while (qlm_setting_list_next(&list, bad, bad_len))
	{
		if (*bad_len == 0 && first && list == NULL)
			return true;		/* an empty list */
		if (!qlm_setting_list_is(*bad, *bad_len, "*") && !qlm_setting_list_is(*bad, *bad_len, "null") &&
			!is_origin(*bad, *bad_len))
			return false;
		first = false;
	}
	return true;
}
