/*
 * client_address.h
 *		Addresses of callers, and what of them counts as one caller.
 */
#ifndef QLM_CLIENT_ADDRESS_H
#define QLM_CLIENT_ADDRESS_H

#define QLM_CLIENT_ADDRESS_SIZE	64

struct sockaddr;

/* IPv4 as ::ffff:a.b.c.d; all zero: not known */
typedef struct QlmClientAddress
{
	uint8		address[16];
} QlmClientAddress;

/* What of it is no internet address is not known. */
extern void qlm_client_address_set(QlmClientAddress *client, const struct sockaddr *address);

/*
 * Callers with one key share what is allowed to one: all of an IPv4 address,
 * and the first 64 bits of an IPv6 address, since who has these has all below.
 * 0: not known.
 */
extern uint64 qlm_client_address_key(const QlmClientAddress *client);

/* As people write it; "unknown" */
extern const char *qlm_client_address_text(const QlmClientAddress *client,
								   char text[QLM_CLIENT_ADDRESS_SIZE]);

#endif							/* QLM_CLIENT_ADDRESS_H */
