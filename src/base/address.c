/*
 * address.c
 *		Lists of hosts and networks in settings.
 *
 * All addresses are kept as IPv6, an IPv4 address as the one in ::ffff:0:0/96
 * that it is mapped to.  So both ways to write an IPv4 address are the same.
 * Nothing here allocates or raises an error, as it runs in callbacks of
 * libraries.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "libpq/pqcomm.h"

#include "base/address.h"

#define ADDRESS_BITS	128
#define MAPPED_BITS		96		/* where the IPv4 part begins */
#define MAX_HOST_NAME	253

typedef struct Network
{
	uint8		bytes[ADDRESS_BITS / 8];
	int			bits;
} Network;

static const uint8 mapped_prefix[MAPPED_BITS / 8] =
{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/*
 * Addresses that only reach the machine's own link, or the metadata of a cloud
 */
static const char *const reserved[] = {
	"169.254.0.0/16",
	"fe80::/10",
	"64:ff9b::169.254.0.0/112",	/* the first one through NAT64 */
	"100.100.100.200",
	"168.63.129.16",
	"192.0.0.192",
	"fd00:ec2::254",
	"fd20:ce::254"
};

static bool
is_mapped(const Network *network)
{
	return memcmp(network->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static bool
is_within(const Network *inner, const Network *outer)
{
	int			whole = outer->bits / 8;
	int			rest = outer->bits % 8;

	if (inner->bits < outer->bits)
		return false;

	/* ::/0 is all of IPv6 and nothing of IPv4 */
	if (is_mapped(inner) && outer->bits < MAPPED_BITS)
		return false;
	if (memcmp(inner->bytes, outer->bytes, whole) != 0)
		return false;
	return rest == 0 ||
		((inner->bytes[whole] ^ outer->bytes[whole]) >> (8 - rest)) == 0;
}

static void
map_ipv4(Network *network, const void *bytes)
{
	memcpy(network->bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(network->bytes + sizeof(mapped_prefix), bytes, 4);
}

/* Returns the number of bits after a slash, or -1 if it is invalid. */
static int
parse_bits(const char *text, int max)
{
	int			bits = 0;

	if (*text == '\0' || strlen(text) > 3 ||
		text[strspn(text, "0123456789")] != '\0')
		return -1;
	for (; *text; text++)
		bits = bits * 10 + (*text - '0');
	return bits <= max ? bits : -1;
}

/* Parses an address that may be followed by a number of bits. */
static bool
parse_network(const char *text, int len, Network *network)
{
	char		buf[INET6_ADDRSTRLEN + sizeof("/128")];
	char		ipv4[4];
	char	   *slash;
	int			offset = 0;

	if (len >= (int) sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	slash = strchr(buf, '/');
	if (slash)
		*slash = '\0';

	if (inet_pton(AF_INET, buf, ipv4) == 1)
	{
		map_ipv4(network, ipv4);
		offset = MAPPED_BITS;
	}
	else if (inet_pton(AF_INET6, buf, network->bytes) != 1)
		return false;

	network->bits = ADDRESS_BITS;
	if (slash)
	{
		int			bits = parse_bits(slash + 1, ADDRESS_BITS - offset);

		if (bits < 0)
			return false;
		network->bits = bits + offset;
	}
	return true;
}

static bool
take_address(const struct sockaddr *address, Network *network)
{
	network->bits = ADDRESS_BITS;
	if (address->sa_family == AF_INET)
		map_ipv4(network,
				 &((const struct sockaddr_in *) address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		memcpy(network->bytes,
			   &((const struct sockaddr_in6 *) address)->sin6_addr,
			   sizeof(network->bytes));
	else
		return false;
	return true;
}

/*
 * Is it a valid host name?  One that ends in a number is an incomplete
 * address, like 10.0.0.
 */
static bool
is_name(const char *text, int len)
{
	int			label = 0;		/* its length so far */
	bool		number = false;
	int			i;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > MAX_HOST_NAME)
		return false;
	for (i = 0; i < len; i++)
	{
		unsigned char c = text[i];
		bool		digit = c >= '0' && c <= '9';

		if (c == '.')
		{
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!digit && c != '-' && c != '_' && !IS_HIGHBIT_SET(c) &&
			!((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return false;
		number = digit && (label == 0 || number);
		label++;
	}
	return label > 0 && !number;
}

static bool
same_name(const char *text, int len, const char *host)
{
	int			host_len = strlen(host);

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (host_len > 0 && host[host_len - 1] == '.')
		host_len--;
	return len == host_len && len > 0 && pg_strncasecmp(text, host, len) == 0;
}

/* Cuts the next entry off the list.  Returns false at its end. */
static bool
next_entry(const char **list, const char **entry, int *len)
{
	const char *text = *list;
	const char *end;

	if (text == NULL)
		return false;
	end = strchr(text, ',');
	*list = end ? end + 1 : NULL;
	if (end == NULL)
		end = text + strlen(text);
	while (text < end && isspace((unsigned char) *text))
		text++;
	while (end > text && isspace((unsigned char) end[-1]))
		end--;
	*entry = text;
	*len = end - text;
	return true;
}

/* Finds the reserved range that contains an address. */
static bool
find_reserved(const Network *address, Network *range)
{
	for (int i = 0; i < lengthof(reserved); i++)
	{
		if (parse_network(reserved[i], strlen(reserved[i]), range) &&
			is_within(address, range))
			return true;
	}
	return false;
}

bool
qlm_address_list_matches(const char *list, const struct sockaddr *address,
						 const char *host)
{
	Network		own;
	Network		range;
	Network		network;
	bool		is_reserved;
	const char *entry;
	int			len;

	if (!take_address(address, &own))
		return false;
	is_reserved = find_reserved(&own, &range);
	while (next_entry(&list, &entry, &len))
	{
		if (parse_network(entry, len, &network))
		{
			if (is_within(&own, &network) &&
				(!is_reserved || is_within(&network, &range)))
				return true;
		}
		else if (!is_reserved && host && same_name(entry, len, host))
			return true;
	}
	return false;
}

/* Parses an address in any form that the HTTP client accepts, like 127.1. */
static bool
parse_host(const char *host, Network *network)
{
	char		text[INET6_ADDRSTRLEN];
	struct in_addr ipv4;
	Size		len = strcspn(host, "%");	/* then comes a zone */

	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	network->bits = ADDRESS_BITS;
	if (inet_pton(AF_INET6, text, network->bytes) == 1)
		return true;
	if (host[len] != '\0' || inet_aton(text, &ipv4) == 0)
		return false;
	map_ipv4(network, &ipv4);
	return true;
}

static bool
matches_network(const char *list, const Network *own)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};

	memcpy(&address.sin6_addr, own->bytes, sizeof(own->bytes));
	return qlm_address_list_matches(list, (struct sockaddr *) &address, NULL);
}

/* These names always mean this machine, whatever the resolver says. */
static bool
matches_loopback(const char *list)
{
	Network		own;

	return (parse_host("127.0.0.1", &own) && matches_network(list, &own)) ||
		(parse_host("::1", &own) && matches_network(list, &own));
}

bool
qlm_address_list_may_match(const char *list, const char *host, int host_len)
{
	char		name[MAX_HOST_NAME + 2];
	Network		own;
	Network		network;
	const char *entry;
	int			len;
	bool		by_address = false;

	if (host_len >= (int) sizeof(name))
		return true;
	memcpy(name, host, host_len);
	name[host_len] = '\0';
	if (parse_host(name, &own))
		return matches_network(list, &own);
	for (const char *rest = list; next_entry(&rest, &entry, &len);)
	{
		if (parse_network(entry, len, &network))
			by_address = true;
		else if (same_name(entry, len, name))
			return true;
	}
	if (same_name("localhost", strlen("localhost"), name))
		return matches_loopback(list);

	/* A name with escapes is decoded only by the HTTP client. */
	return by_address || strchr(name, '%') != NULL;
}

/* Is the host below a name, which may begin with a dot? */
static bool
is_below(const char *text, int len, const char *host)
{
	int			host_len = strlen(host);

	if (len > 0 && text[0] == '.')
	{
		text++;
		len--;
	}
	if (host_len > 0 && host[host_len - 1] == '.')
		host_len--;
	return len > 0 && host_len > len && host[host_len - len - 1] == '.' &&
		pg_strncasecmp(host + host_len - len, text, len) == 0;
}

bool
qlm_address_list_says(const char *list, const char *host, bool below)
{
	Network		own;
	const char *entry;
	int			len;

	if (parse_host(host, &own) && matches_network(list, &own))
		return true;
	while (next_entry(&list, &entry, &len))
	{
		if (same_name(entry, len, host))
			return true;
		if (below && ((len == 1 && *entry == '*') || is_below(entry, len, host)))
			return true;
	}
	return false;
}

/* ".example.com", or "*" */
static bool
is_wider(const char *text, int len)
{
	return (len == 1 && *text == '*') ||
		(len > 1 && *text == '.' && is_name(text + 1, len - 1));
}

bool
qlm_address_list_valid(const char *list, bool below, const char **bad,
					   int *bad_len)
{
	Network		network;
	bool		first = true;

	while (next_entry(&list, bad, bad_len))
	{
		if (*bad_len == 0 && first && list == NULL)
			return true;		/* an empty entry */
		if (!parse_network(*bad, *bad_len, &network) &&
			!is_name(*bad, *bad_len) && !(below && is_wider(*bad, *bad_len)))
			return false;
		first = false;
	}
	return true;
}
