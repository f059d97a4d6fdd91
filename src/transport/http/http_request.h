/*
 * http_request.h
 *		What comes in, by HTTP or on a WebSocket, and what is answered to it:
 *		bytes and headers, whatever they mean.
 */
#ifndef QLM_HTTP_REQUEST_H
#define QLM_HTTP_REQUEST_H

#include "datatype/timestamp.h"

#include "base/client_address.h"
#include "base/forwarded.h"

struct QlmWebSocket;

typedef enum QlmHttpMethod
{
	QLM_HTTP_GET,
	QLM_HTTP_HEAD,
	QLM_HTTP_POST,
	QLM_HTTP_OPTIONS,
	QLM_HTTP_OTHER
} QlmHttpMethod;

/* A complete request, which its connection has until it is answered */
typedef struct QlmHttpRequest
{
	QlmHttpMethod method;
	const char *path;			/* decoded up to '?', but %2F and %25 left alone */
	const char *query;			/* behind '?', not decoded, or NULL */
	const char *peer_name;		/* ?peer=NAME, or NULL */
	const char *authorization;	/* header, or NULL */
	const char *content_type;	/* header, or NULL */
	const char *charset;		/* of the content type, or NULL */
	const char *accept;			/* headers, or NULL */
	const char *if_none_match;
	const char *origin;
	const char *host;
	QlmForwarded forwarded;		/* by a proxy that is listed, else empty */
	const char *body;			/* the message: form field already decoded */
	Size		body_len;
	const char *body_problem;	/* why the body holds no message; NULL: it may */
	int			prefer_wait;	/* seconds of Prefer: wait=N; 0: none */
	bool		wants_socket;	/* asks to become a WebSocket */
	bool		acknowledge;	/* there, all messages are to be answered */
	struct QlmWebSocket *socket;	/* that it came on, or NULL */
	QlmClientAddress client;			/* who sends it */
	bool		is_proxied;		/* or who else, as many may have this address */
	TimestampTz received_at;	/* when it was complete */

	/* Of who has taken it; all NULL and false at first */
	void	   *held;			/* by held_request.c */
	void	   *delayed;		/* by guess_delay.c */
	bool		has_waited;		/* it was delayed before */
	void	   *elsewhere;		/* by large_message.c */
	bool		stays_here;		/* no other process can run it */
} QlmHttpRequest;

typedef struct QlmHttpHeader
{
	const char *name;			/* NULL ends an array of them */
	const char *value;
} QlmHttpHeader;

typedef struct QlmHttpAnswer
{
	int			status;
	const char *content_type;	/* or NULL */
	const QlmHttpHeader *headers;	/* further ones, or NULL */
	const char *body;			/* copied */
	Size		body_len;
	MemoryContext owner;		/* instead of a copy: the body lives in this one
								 * alone, which is the server's from now on */
} QlmHttpAnswer;

/* Why a request is not taken; status 0: it is.  The text is copied when it is sent. */
typedef struct QlmRefusal
{
	int			status;
	const char *reason;
	QlmHttpHeader header;		/* a further one; no name: none */
	bool		is_busy;		/* it may be tried again soon */
} QlmRefusal;

extern QlmHttpMethod qlm_http_method(const char *name);

#endif							/* QLM_HTTP_REQUEST_H */
