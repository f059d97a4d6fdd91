/*
 * forwarded.c
 *		The URL by which this node was called, according to a proxy in front of
 *		it.
 */
#include "postgres.h"

#include "base/forwarded.h"
#include "base/setting_list.h"

#define MAX_HOST		300
#define MAX_PREFIX		200

/* The first of a list */
static const char *
first_of(const char *list, int *len)
{
	const char *entry = NULL;

	*len = 0;
	return list && qlm_setting_list_next(&list, &entry, len) ? entry : NULL;
}

static bool
consists_of(const char *text, int len, const char *others)
{
	for (int i = 0; i < len; i++)
	{
		if (!isalnum((unsigned char) text[i]) &&
			(text[i] == '\0' || strchr(others, text[i]) == NULL))
			return false;
	}
	return true;
}

/* Is it one of this node's host names, with at most a port? */
static bool
is_our_host(const char *host, int len, const QlmHostNames *names)
{
	char		copy[MAX_HOST];

	if (len == 0 || len >= (int) sizeof(copy) || !consists_of(host, len, "-._:[]"))
		return false;
	memcpy(copy, host, len);
	copy[len] = '\0';
	return qlm_host_is_ours(copy, names);
}

const char *
qlm_forwarded_host(const QlmForwarded *forwarded, const QlmHostNames *names,
				   int *len)
{
	const char *host = first_of(forwarded->host, len);

	if (host && is_our_host(host, *len, names))
		return host;
	*len = 0;
	return NULL;
}

const char *
qlm_forwarded_prefix(const QlmForwarded *forwarded, int *len)
{
	const char *prefix = first_of(forwarded->prefix, len);

	while (*len > 0 && prefix[*len - 1] == '/')
		(*len)--;
	if (*len > 1 && *len <= MAX_PREFIX && prefix[0] == '/' && prefix[1] != '/' &&
		consists_of(prefix, *len, "-._~%/"))
		return prefix;
	*len = 0;
	return "";
}

void
qlm_forwarded_append_address(StringInfo to, const QlmForwarded *forwarded,
							 const char *host, const QlmHostNames *names)
{
	int			proto_len;
	int			host_len;
	int			prefix_len;
	const char *proto = first_of(forwarded->proto, &proto_len);
	const char *called = qlm_forwarded_host(forwarded, names, &host_len);
	const char *prefix = qlm_forwarded_prefix(forwarded, &prefix_len);

	if (names->url && *names->url)
	{
		appendStringInfoString(to, names->url);
		if (to->data[to->len - 1] != '/')
			appendStringInfoChar(to, '/');
		return;
	}
	if (called == NULL && host && is_our_host(host, strlen(host), names))
	{
		called = host;
		host_len = strlen(host);
	}
	if (called)
		appendStringInfo(to, "%s://%.*s%.*s/",
						 proto && qlm_setting_list_is(proto, proto_len, "https") ? "https" : "http",
						 host_len, called, prefix_len, prefix);
}
