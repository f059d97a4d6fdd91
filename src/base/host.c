/*
 * host.c
 *		The host names of this node.
 *
 * Nothing here allocates or raises an error: it runs in callbacks of
 * libraries.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "base/host.h"
#include "base/setting_list.h"
#include "base/url.h"

#define MAX_LITERAL		(INET6_ADDRSTRLEN + IF_NAMESIZE)

/* Does a header end here, perhaps after a port? */
static bool
ends_here(const char *rest)
{
	if (*rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	return *rest == '\0';
}

/* Is it an address?  A page cannot make an address its own by DNS. */
static bool
is_address(int family, const char *text, int len)
{
	char		copy[MAX_LITERAL];
	struct in6_addr unused;

	if (len >= (int) sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (family == AF_INET6)
		copy[strcspn(copy, "%")] = '\0';	/* a zone */
	return inet_pton(family, copy, &unused) == 1;
}

/* A final dot only marks a name as complete. */
static int
without_dot(const char *name, int len)
{
	return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}

static bool
is_same(const char *a, int a_len, const char *b, int b_len)
{
	a_len = without_dot(a, a_len);
	b_len = without_dot(b, b_len);
	return a_len == b_len && pg_strncasecmp(a, b, a_len) == 0;
}

static bool
is_listed(const char *list, const char *name, int len, bool takes_star)
{
	const char *entry;
	int			entry_len;

	while (qlm_setting_list_next(&list, &entry, &entry_len))
	{
		if (takes_star && qlm_setting_list_is(entry, entry_len, "*"))
			return true;
		if (entry_len > 0 && is_same(entry, entry_len, name, len))
			return true;
	}
	return false;
}

static bool
is_of_url(const char *url, const char *name, int len)
{
	const char *host;
	int			host_len;

	return url && qlm_url_is_http(url, &host, &host_len) &&
		is_same(host, host_len, name, len);
}

/*
 * Is it a name of letters, digits, "-", "_" and dots?  A dot may be neither
 * the first character nor follow another one.
 */
static bool
is_name(const char *name, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (name[i] == '.' ? i == 0 || name[i - 1] == '.' :
			!isalnum((unsigned char) name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	}
	return len > 0;
}

bool
qlm_host_is_ours(const char *header, const QlmHostNames *names)
{
	const char *end;
	int			len;

	if (*header == '[')
	{
		end = strchr(header, ']');
		return end && ends_here(end + 1) &&
			is_address(AF_INET6, header + 1, end - header - 1);
	}
	len = strcspn(header, ":");
	if (!ends_here(header + len))
		return false;
	if (is_address(AF_INET, header, len))
		return true;
	if (!is_name(header, len))
		return false;
	return is_same(header, len, "localhost", strlen("localhost")) ||
		is_listed(names->names, header, len, true) ||
		is_listed(names->addresses, header, len, false) ||
		is_of_url(names->url, header, len);
}

bool
qlm_host_list_valid(const char *list, const char **bad, int *bad_len)
{
	bool		first = true;

	while (qlm_setting_list_next(&list, bad, bad_len))
	{
		if (*bad_len == 0 && first && list == NULL)
			return true;		/* an empty list */
		if (!qlm_setting_list_is(*bad, *bad_len, "*") && !is_name(*bad, *bad_len))
			return false;
		first = false;
	}
	return true;
}
