/*
 * response_headers.c
 *		Headers of answers that depend on the caller.
 */
#include "postgres.h"

#include "base/server_settings.h"
#include "transport/http/response_headers.h"

#define MIN_COMPRESSED	800		/* below it fits into one packet anyway */

bool
qlm_response_wants_gzip(const QlmIncoming *incoming, Size len)
{
	return incoming->accept.gzip && len > 0 &&
		(len >= MIN_COMPRESSED || !incoming->accept.identity);
}

static void
add(QlmResponseHeaders *reply, const char *name, const char *value)
{
	reply->headers[reply->n++] = (QlmHttpHeader) {name, value};
}

void
qlm_response_headers(QlmResponseHeaders *reply, const QlmIncoming *incoming,
				  Size len, bool is_gzip, int retry_after)
{
	bool		may_read = incoming->origin == QLM_ORIGIN_ANY ||
		incoming->origin == QLM_ORIGIN_LISTED;

	reply->n = 0;
	if (may_read)
	{
		add(reply, "Access-Control-Allow-Origin",
			incoming->origin == QLM_ORIGIN_ANY ? "*" : incoming->request.origin);
		add(reply, "Access-Control-Expose-Headers",
			"ETag, Preference-Applied, Retry-After, WWW-Authenticate");
	}
	if (incoming->origins_vary)
		add(reply, "Vary", "Origin");
	if (is_gzip || (qlm_compression && len >= MIN_COMPRESSED))
		add(reply, "Vary", "Accept-Encoding");
	if (is_gzip)
		add(reply, "Content-Encoding", "gzip");
	if (retry_after > 0)
	{
		snprintf(reply->retry_after, sizeof(reply->retry_after), "%d", retry_after);
		add(reply, "Retry-After", reply->retry_after);
	}
}
