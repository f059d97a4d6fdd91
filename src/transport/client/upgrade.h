/*
 * upgrade.h
 *		The opening handshake of a WebSocket (RFC 6455, 4.1), as a client makes
 *		it: what it asks, and what it makes of the answer.  Pure functions on
 *		bytes: no sockets, no memory of their own.
 */
#ifndef QLM_UPGRADE_H
#define QLM_UPGRADE_H

#include "c.h"

#define QLM_MAX_UPGRADE		(16 * 1024) /* bytes of a request, or of an answer */

/* What is asked for; no text has a line break in it */
typedef struct QlmUpgrade
{
	const char *host;			/* an IPv6 address in brackets */
	const char *port;			/* NULL: the usual one */
	const char *path;			/* from its slash on */
	const char *query;			/* NULL: none */
	const char *authorization;	/* header value; NULL: none */
	const char *key;
	const char *agent;
} QlmUpgrade;

/* Write the request; its length, 0: there is no room. */
extern Size qlm_upgrade_request(char *to, Size size, const QlmUpgrade *upgrade);

/* How many of the bytes are the head of the answer?  0: it is not all there. */
extern Size qlm_upgrade_head(const char *data, Size len);

/*
 * The value of a header in the head of an answer, which is NUL-terminated, cut to
 * the room that there is; empty: there is none.
 */
extern void qlm_upgrade_value(const char *head, const char *name, char *to, Size size);

/*
 * Is the head of an answer, which is NUL-terminated and is changed, a yes to
 * the key that must be answered with accept?  NULL, or else what is wrong with
 * it.  status: what it says, 0: it is no HTTP.  acknowledges: with the header.
 */
extern const char *qlm_upgrade_problem(char *head, const char *accept,
									   int *status, bool *acknowledges);

#endif							/* QLM_UPGRADE_H */
