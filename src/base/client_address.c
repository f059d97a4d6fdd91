/*
 * client_address.c
 *		Addresses of callers.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "libpq/pqcomm.h"

#include "base/client_address.h"


static const uint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
is_ipv4(const QlmClientAddress *client)
{
	return memcmp(client->address, mapped, sizeof(mapped)) == 0;
}

void
qlm_client_address_set(QlmClientAddress *client, const struct sockaddr *address)
{
	memset(client, 0, sizeof(QlmClientAddress));
	if (address == NULL)
		return;
	if (address->sa_family == AF_INET6)
		memcpy(client->address, &((const struct sockaddr_in6 *) address)->sin6_addr, 16);
	else if (address->sa_family == AF_INET)
	{
		memcpy(client->address, mapped, sizeof(mapped));
		memcpy(client->address + sizeof(mapped),
			   &((const struct sockaddr_in *) address)->sin_addr, 4);
	}
}

uint64
qlm_client_address_key(const QlmClientAddress *client)
{
	const uint8 *bytes = client->address + (is_ipv4(client) ? 8 : 0);
	uint64		key = 0;

	for (int i = 0; i < 8; i++)
		key = key << 8 | bytes[i];

	/* ::1 and its like have nothing in the first half. */
	for (int i = 8; key == 0 && i < 16; i++)
		key = key << 8 | client->address[i];
	return key;
}

const char *
qlm_client_address_text(const QlmClientAddress *client, char text[QLM_CLIENT_ADDRESS_SIZE])
{
	bool		four = is_ipv4(client);

	if (qlm_client_address_key(client) == 0 ||
		inet_ntop(four ? AF_INET : AF_INET6, client->address + (four ? sizeof(mapped) : 0),
				  text, QLM_CLIENT_ADDRESS_SIZE) == NULL)
		strlcpy(text, "unknown", QLM_CLIENT_ADDRESS_SIZE);
	return text;
}
