/*
 * http_response.h
 *		Answers and refusals, as the HTTP library sends them.
 */
#ifndef QLM_HTTP_RESPONSE_H
#define QLM_HTTP_RESPONSE_H

#include "transport/http/http_request.h"
#include "transport/http/incoming.h"

struct MHD_Response;

/*
 * The response owns what the answer owns, below context, or a copy; NULL where
 * there is no memory.  retry_after: seconds, for who comes too early.
 */
extern struct MHD_Response *qlm_http_response_create(QlmIncoming *incoming,
													 const QlmHttpAnswer *answer,
													 MemoryContext context,
													 int retry_after);

extern struct MHD_Response *qlm_http_response_refuse(const QlmIncoming *incoming,
													 const QlmRefusal *refusal,
													 bool close, int retry_after);

#endif							/* QLM_HTTP_RESPONSE_H */
