/*
 * reply.h
 *		The headers that answers bear for their callers' sake: which origins
 *		may read them, how they are coded, when to try again.
 */
#ifndef QLM_REPLY_H
#define QLM_REPLY_H

#include "transport/http/incoming.h"

typedef struct QlmReplyHeaders
{
	QlmHttpHeader headers[8];
	int			n;
	char		retry_after[16];
} QlmReplyHeaders;

/* Is an answer of this size to be compressed, where that makes it smaller? */
extern bool qlm_reply_wants_gzip(const QlmIncoming *incoming, Size len);

/*
 * is_gzip: the body is; len: what it was before; retry_after: seconds, 0 for
 * none.  The texts live as long as the request and this struct do.
 */
extern void qlm_reply_headers(QlmReplyHeaders *reply, const QlmIncoming *incoming,
							  Size len, bool is_gzip, int retry_after);

#endif							/* QLM_REPLY_H */
