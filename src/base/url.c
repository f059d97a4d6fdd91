/*
 * url.c
 *		URLs of HTTP (RFC 3986) and of WebSockets (RFC 6455, 3).
 *
 * URLs that are refused here cannot be used by the HTTP client; it may refuse
 * others, too.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "common/hashfn.h"

#include "base/url.h"

/* Characters that no host name contains */
#define NOT_IN_NAME " \t\r\n/:#?!@{}[]\\$'\"^`*<>=;,&()+|"

static const char *
skip_prefix(const char *text, const char *prefix)
{
	Size		len = strlen(prefix);

	return pg_strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

static const char *
skip_http(const char *text)
{
	const char *rest = skip_prefix(text, "http://");

	return rest ? rest : skip_prefix(text, "https://");
}

static const char *
skip_socket(const char *text)
{
	const char *rest = skip_prefix(text, "ws://");

	return rest ? rest : skip_prefix(text, "wss://");
}

/* Is it a zone: what follows "%", with or without the "25" of RFC 6874? */
static bool
is_zone(const char *text, int len)
{
	if (len > 2 && memcmp(text, "25", 2) == 0)
	{
		text += 2;
		len -= 2;
	}
	for (int i = 0; i < len; i++)
		if (strchr(NOT_IN_NAME "%", text[i]))
			return false;
	return len > 0 && len < IF_NAMESIZE;
}

/* An IPv6 address, perhaps with a zone */
static bool
is_literal(const char *text, int len)
{
	char		address[INET6_ADDRSTRLEN];
	struct in6_addr unused;
	const char *zone = memchr(text, '%', len);
	int			n = zone ? zone - text : len;

	if (n >= (int) sizeof(address) ||
		(zone && !is_zone(zone + 1, len - n - 1)))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	return inet_pton(AF_INET6, address, &unused) == 1;
}

/* ":8080", ":" or nothing */
static bool
is_port(const char *text, const char *end)
{
	int			port = 0;

	if (text == end)
		return true;
	if (*text++ != ':')
		return false;
	for (; text < end; text++)
	{
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + *text - '0';
		if (port > 65535)
			return false;
	}
	return port > 0 || text[-1] == ':';
}

/* Returns the end of the host that begins here, or NULL if it is invalid. */
static const char *
end_of_host(const char *host, const char *end)
{
	const char *last;

	if (*host == '[')
	{
		last = memchr(host, ']', end - host);
		return last && is_literal(host + 1, last - host - 1) ? last + 1 : NULL;
	}
	last = host + strcspn(host, NOT_IN_NAME);
	return last > host && last <= end ? last : NULL;
}

/* Is what follows the scheme valid: a host, perhaps a port, and a path? */
static bool
has_host(const char *start, const char **host, int *host_len)
{
	const char *end;
	const char *last;

	if (start == NULL)
		return false;
	for (const char *p = start; *p; p++)
		if ((unsigned char) *p <= ' ' || *p == 0x7f)
			return false;
	end = start + strcspn(start, "/?#");
	for (const char *p = start; p < end; p++)
		if (*p == '@')
			start = p + 1;
	last = end_of_host(start, end);
	if (last == NULL || !is_port(last, end))
		return false;
	if (host)
	{
		*host = *start == '[' ? start + 1 : start;
		*host_len = *start == '[' ? last - start - 2 : last - start;
	}
	return true;
}

bool
qlm_url_is_http(const char *text, const char **host, int *host_len)
{
	return has_host(skip_http(text), host, host_len);
}

bool
qlm_url_is_socket(const char *text)
{
	return has_host(skip_socket(text), NULL, NULL);
}

bool
qlm_url_is_proxy(const char *text)
{
	const char *rest = skip_prefix(text, "socks5://");

	if (rest == NULL)
		rest = skip_prefix(text, "socks5h://");
	return has_host(rest ? rest : skip_http(text), NULL, NULL);
}

bool
qlm_url_is_callback(const char *text, const char **host, int *host_len)
{
	return qlm_url_is_http(text, host, host_len) ||
		has_host(skip_socket(text), host, host_len);
}

/*
 * Prints an address in its plain form: IPv4 may be written as numbers of any
 * base and length, IPv6 may contain IPv4. Returns false for a name.
 */
static bool
plain_address(const char *host, char *plain, int size)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_aton(host, &four))
		return inet_ntop(AF_INET, &four, plain, size) != NULL;
	if (inet_pton(AF_INET6, host, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six))
		return inet_ntop(AF_INET, &six.s6_addr[12], plain, size) != NULL;
	return inet_ntop(AF_INET6, &six, plain, size) != NULL;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
		(c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* A host as it is looked up: in lower case, and without escapes */
static void
plain_name(const char *host, int len, char *name, int size)
{
	int			n = 0;

	for (int i = 0; i < len && n < size - 1; i++)
	{
		char		c = host[i];

		if (c == '%' && i + 2 < len && host[-1] != '[' &&
			hex_digit(host[i + 1]) >= 0 && hex_digit(host[i + 2]) >= 0)
		{
			c = hex_digit(host[i + 1]) << 4 | hex_digit(host[i + 2]);
			i += 2;
		}
		name[n++] = pg_tolower((unsigned char) c);
	}
	if (n > 1 && name[n - 1] == '.')
		n--;
	name[n] = '\0';
}

static bool
is_secure(const char *text)
{
	return pg_strncasecmp(text, "https:", 6) == 0 ||
		pg_strncasecmp(text, "wss:", 4) == 0;
}

uint64
qlm_url_server(const char *text)
{
	char		name[256];
	char		plain[INET6_ADDRSTRLEN];
	const char *host;
	const char *rest;
	int			len;
	int			port;

	if (!qlm_url_is_callback(text, &host, &len))
		return 0;
	rest = host + len + (host[-1] == '[');
	port = *rest == ':' && rest[1] >= '0' && rest[1] <= '9' ? atoi(rest + 1) :
		is_secure(text) ? 443 : 80;
	plain_name(host, len, name, sizeof(name));
	host = plain_address(name, plain, sizeof(plain)) ? plain : name;
	return hash_bytes_extended((const unsigned char *) host, strlen(host), port) | 1;
}

/*
 * Returns the end of user and password after "://", which is the last "@", or
 * NULL.
 */
static const char *
end_of_secret(const char *text)
{
	const char *end = NULL;

	for (; (unsigned char) *text > ' ' && strchr("/?#'\"", *text) == NULL; text++)
		if (*text == '@')
			end = text;
	return end;
}

void
qlm_url_mask(char *to, const char *text, Size size)
{
	Size		n = 0;

	while (*text && n + 1 < size)
	{
		const char *secret = n >= 3 && memcmp(to + n - 3, "://", 3) == 0 ?
			end_of_secret(text) : NULL;

		if (secret)
		{
			n = Min(n + strlcpy(to + n, "***", size - n), size - 1);
			text = secret;
		}
		else
			to[n++] = *text++;
	}
	to[n] = '\0';
}
