/*
 * response_headers.h
 *		Headers of answers that depend on the caller: allowed origins,
 *		compression, the time of the next attempt.
 */
#ifndef QLM_RESPONSE_HEADERS_H
#define QLM_RESPONSE_HEADERS_H

#include "transport/http/incoming.h"

typedef struct QlmResponseHeaders
{
	QlmHttpHeader headers[8];
	int			n;
	char		retry_after[16];
} QlmResponseHeaders;

/* Is an answer of this size to be compressed, where that makes it smaller? */
extern bool qlm_response_wants_gzip(const QlmIncoming *incoming, Size len);

/*
 * is_gzip: the body is; len: what it was before; retry_after: seconds, 0 for
 * none.  The texts live as long as the request and this struct do.
 */
extern void qlm_response_headers(QlmResponseHeaders *reply, const QlmIncoming *incoming,
							  Size len, bool is_gzip, int retry_after);

#endif							/* QLM_RESPONSE_HEADERS_H */
