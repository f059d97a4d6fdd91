/*
 * http_redirect.c
 *		Redirects of peers.
 *
 * They are followed only if an administrator allows it, and only those that
 * repeat the POST (307 and 308). Another server was not named by the
 * administrator: its address is checked like that of a callback, and it gets
 * no credentials.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/url.h"
#include "transport/client/http_redirect.h"

#define MAX_REDIRECTS	3

static bool
part_is(CURLU *url, CURLUPart part, const char *text)
{
	char	   *value = NULL;
	bool		is_so;

	if (curl_url_get(url, part, &value, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	is_so = pg_strcasecmp(value, text) == 0;
	curl_free(value);
	return is_so;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char	   *value = NULL;
	bool		is_same;

	if (curl_url_get(a, part, &value, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	is_same = part_is(b, part, value);
	curl_free(value);
	return is_same;
}

/* Is it a redirect from http to https on the same host, with default ports? */
static bool
is_upgrade(CURLU *from, CURLU *to)
{
	return part_is(from, CURLUPART_SCHEME, "http") && part_is(from, CURLUPART_PORT, "80") &&
		part_is(to, CURLUPART_SCHEME, "https") && part_is(to, CURLUPART_PORT, "443");
}

static bool
is_same_server(CURLU *from, CURLU *to)
{
	return same_part(from, to, CURLUPART_HOST) &&
		((same_part(from, to, CURLUPART_SCHEME) && same_part(from, to, CURLUPART_PORT)) ||
		 is_upgrade(from, to));
}

static bool
refuse(QlmHttpOperation *op, const char *why)
{
	char		text[sizeof(op->transfer->error)];

	snprintf(text, sizeof(text), "it answered with HTTP status %d and sends to %.150s, which is not followed: %s",
			 op->transfer->status, op->transfer->location, why);
	qlm_transfer_set_error(op->transfer, text);
	return false;
}

/* Prepares the operation for the same transfer to another URL. */
static bool
turn_to(QlmHttpOperation *op, char *target, bool is_elsewhere)
{
	QlmTransfer *transfer = op->transfer;
	const char *error = "out of memory";
	curl_off_t	spent = 0;
	int			spent_ms;
	int			nredirects = op->nredirects + 1;

	curl_easy_getinfo(op->easy, CURLINFO_TOTAL_TIME_T, &spent);
	spent_ms = op->spent_ms + (int) (spent / 1000);
	qlm_http_operation_clear(op);
	op->transfer = transfer;
	op->target = target;
	op->nredirects = nredirects;
	op->is_elsewhere = is_elsewhere;
	op->spent_ms = spent_ms;
	transfer->answer.len = 0;
	transfer->answer.data[0] = '\0';
	if (qlm_http_operation_prepare(op, transfer, &error))
	{
		transfer->status = 0;
		return true;
	}
	return refuse(op, error);
}

bool
qlm_http_redirect(QlmHttpOperation *op)
{
	const QlmTransfer *transfer = op->transfer;
	char	   *location = NULL;
	char	   *target;
	CURLU	   *url;
	bool		is_elsewhere;

	if (!transfer->redirects || transfer->error[0] ||
		(transfer->status != 307 && transfer->status != 308) ||
		curl_easy_getinfo(op->easy, CURLINFO_REDIRECT_URL, &location) != CURLE_OK ||
		location == NULL)
		return false;
	if (op->nredirects == MAX_REDIRECTS)
		return refuse(op, "it is too often");
	if (!qlm_url_is_http(location, NULL, NULL))
		return refuse(op, "it is not a URL of http or https");
	url = curl_url();
	target = MemoryContextAllocExtended(op->context, strlen(location) + 1, MCXT_ALLOC_NO_OOM);
	if (url == NULL || target == NULL || curl_url_set(url, CURLUPART_URL, location, 0) != CURLUE_OK)
	{
		curl_url_cleanup(url);
		if (target)
			pfree(target);
		return refuse(op, "it is not a URL, or there is no memory");
	}
	strcpy(target, location);
	is_elsewhere = op->is_elsewhere || !is_same_server(op->url, url);
	if (part_is(op->url, CURLUPART_SCHEME, "https") && !part_is(url, CURLUPART_SCHEME, "https"))
	{
		curl_url_cleanup(url);
		pfree(target);
		return refuse(op, "it leads from https to http");
	}
	curl_url_cleanup(url);
	return turn_to(op, target, is_elsewhere);
}
