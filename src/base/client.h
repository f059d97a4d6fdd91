/*
 * client.h
 *		Addresses of callers, and what of them counts as one caller.
 */
#ifndef QLM_CLIENT_H
#define QLM_CLIENT_H

#define QLM_CLIENT_TEXT_SIZE	64

struct sockaddr;

/* IPv4 as ::ffff:a.b.c.d; all zero: not known */
typedef struct QlmClient
{
	uint8		address[16];
} QlmClient;

/* What of it is no internet address is not known. */
extern void qlm_client_set(QlmClient *client, const struct sockaddr *address);

/*
 * Callers with one key share what is allowed to one: all of an IPv4 address,
 * and the first 64 bits of an IPv6 address, since who has these has all below.
 * 0: not known.
 */
extern uint64 qlm_client_key(const QlmClient *client);

/* As people write it; "unknown" */
extern const char *qlm_client_text(const QlmClient *client,
								   char text[QLM_CLIENT_TEXT_SIZE]);

#endif							/* QLM_CLIENT_H */
