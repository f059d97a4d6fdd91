/*
 * handshake.h
 *		The opening handshake of a WebSocket (RFC 6455, 4.2): the values of
 *		headers.
 */
#ifndef QLM_HANDSHAKE_H
#define QLM_HANDSHAKE_H

#include "c.h"

#define QLM_KEY_SIZE	25
#define QLM_ACCEPT_SIZE 32

/*
 * A header of our own, in the request and in the answer: each message is answered
 * once it is stored, or not.  A pong says only that it was read.
 */
#define QLM_ACKNOWLEDGE_HEADER	"QLM-Acknowledge"

typedef enum QlmHandshake
{
	QLM_HANDSHAKE_GOOD,
	QLM_HANDSHAKE_BAD_VERSION,
	QLM_HANDSHAKE_BAD_KEY
} QlmHandshake;

/* Are these a version and a key that are taken?  NULL: it has none. */
extern QlmHandshake qlm_handshake_check(const char *version, const char *key);

/* What is answered to a key; false: it could not be computed.  May raise an error. */
extern bool qlm_handshake_accept(const char *key, char accept[QLM_ACCEPT_SIZE]);

#endif							/* QLM_HANDSHAKE_H */
