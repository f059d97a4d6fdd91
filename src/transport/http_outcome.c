/*
 * http_outcome.c
 *		What is noted of a request of the HTTP client besides its answer: the way
 *		that it took, where it was sent on to, and when to come again.
 */
#include "postgres.h"

#include "transport/http_operation.h"
#include "transport/outgoing.h"

/* Seconds for which a receiver that has no time, or no place, wants to be left alone */
static int
retry_after(QlmHttpOperation *op, long status)
{
	curl_off_t	seconds = 0;

	if ((status != 429 && status != 503) ||
		curl_easy_getinfo(op->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
		return 0;
	return (int) Max(Min(seconds, PG_INT32_MAX), 0);
}

/* The other end of the connection: of the proxy where there is one */
static void
note_address(QlmHttpOperation *op)
{
	QlmTransfer *transfer = op->transfer;
	char	   *ip = NULL;
	long		port = 0;

	if (curl_easy_getinfo(op->easy, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || ip == NULL || *ip == '\0' ||
		curl_easy_getinfo(op->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
		return;
	snprintf(transfer->address, sizeof(transfer->address), strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld",
			 ip, port);
}

void
qlm_http_operation_note(QlmHttpOperation *op, long status)
{
	QlmTransfer *transfer = op->transfer;
	char	   *location = NULL;

	transfer->retry_after = retry_after(op, status);
	if (curl_easy_getinfo(op->easy, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location)
		qlm_outgoing_copy(transfer->location, location, sizeof(transfer->location));
	note_address(op);
	if (op->is_proxied)
		qlm_outgoing_copy(transfer->through, transfer->proxy, sizeof(transfer->through));
}
