/*
 * http_response.c
 *		Answers and refusals as responses of libmicrohttpd.
 */
#include "postgres.h"

#include <microhttpd.h>

#include "utils/memutils.h"

#include "transport/coding/compress.h"
#include "transport/http/http_response.h"
#include "transport/http/response_headers.h"

static void
add_reply_headers(struct MHD_Response *response, const QlmIncoming *incoming,
				  Size len, bool is_gzip, int retry_after)
{
	QlmResponseHeaders reply;

	qlm_response_headers(&reply, incoming, len, is_gzip, retry_after);
	for (int i = 0; i < reply.n; i++)
		MHD_add_response_header(response, reply.headers[i].name,
								reply.headers[i].value);
}

static bool
asks_for_patience(int status)
{
	return status == 503 || status == 429;
}

struct MHD_Response *
qlm_http_response_refuse(const QlmIncoming *incoming, const QlmRefusal *refusal,
						 bool close, int retry_after)
{
	struct MHD_Response *response;

	response = MHD_create_response_from_buffer(strlen(refusal->reason),
											   (void *) refusal->reason,
											   MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return NULL;
	MHD_add_response_header(response, "Content-Type", "text/plain");
	if (close)
		MHD_add_response_header(response, "Connection", "close");
	if (refusal->header.name)
		MHD_add_response_header(response, refusal->header.name, refusal->header.value);
	add_reply_headers(response, incoming, 0, false,
					  asks_for_patience(refusal->status) ? retry_after : 0);
	return response;
}

static void
free_owner(void *owner)
{
	MemoryContextDelete(owner);
}

/* Makes the response.  An answer with memory of its own is not copied. */
static struct MHD_Response *
make_response(QlmIncoming *incoming, const QlmHttpAnswer *answer,
			  MemoryContext context)
{
	struct MHD_Response *response;
	char	   *copy;

	if (answer->owner)
	{
		qlm_incoming_shrink(incoming);
		MemoryContextSetParent(answer->owner, context);
		response = MHD_create_response_from_buffer_with_free_callback_cls(answer->body_len,
																		  (void *) answer->body,
																		  free_owner,
																		  answer->owner);
		if (response == NULL)
			free_owner(answer->owner);
		return response;
	}
	copy = qlm_incoming_keep_answer(incoming, answer->body, answer->body_len);
	return copy == NULL ? NULL :
		MHD_create_response_from_buffer(answer->body_len, copy, MHD_RESPMEM_PERSISTENT);
}

/* Returns NULL if the compressed answer would not be smaller. */
static struct MHD_Response *
make_gzip_response(QlmIncoming *incoming, const QlmHttpAnswer *answer)
{
	Size		len;
	Size		max_len = incoming->accept.identity ? answer->body_len :
		answer->body_len + 1024;
	char	   *gzip = qlm_gzip(answer->body, answer->body_len, max_len, &len);
	struct MHD_Response *response;

	if (gzip == NULL)
		return NULL;
	response = MHD_create_response_from_buffer(len, gzip, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(gzip);
	else if (answer->owner)
		MemoryContextDelete(answer->owner);
	if (response)
		qlm_incoming_shrink(incoming);
	return response;
}

struct MHD_Response *
qlm_http_response_create(QlmIncoming *incoming, const QlmHttpAnswer *answer,
						 MemoryContext context, int retry_after)
{
	const QlmHttpHeader *header = answer->headers;
	struct MHD_Response *response = NULL;
	bool		is_gzip;

	if (qlm_response_wants_gzip(incoming, answer->body_len))
		response = make_gzip_response(incoming, answer);
	is_gzip = response != NULL;
	if (response == NULL)
		response = make_response(incoming, answer, context);
	if (response == NULL)
		return NULL;
	if (answer->content_type)
		MHD_add_response_header(response, "Content-Type", answer->content_type);
	for (; header && header->name; header++)
		MHD_add_response_header(response, header->name, header->value);
	add_reply_headers(response, incoming, answer->body_len, is_gzip,
					  asks_for_patience(answer->status) ? retry_after : 0);
	return response;
}
