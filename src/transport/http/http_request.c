/*
 * http_request.c
 *		The HTTP methods that are used.
 */
#include "postgres.h"

#include "transport/http/http_request.h"

QlmHttpMethod
qlm_http_method(const char *name)
{
	if (strcmp(name, "POST") == 0)
		return QLM_HTTP_POST;
	if (strcmp(name, "GET") == 0)
		return QLM_HTTP_GET;
	if (strcmp(name, "HEAD") == 0)
		return QLM_HTTP_HEAD;
	if (strcmp(name, "OPTIONS") == 0)
		return QLM_HTTP_OPTIONS;
	return QLM_HTTP_OTHER;
}
