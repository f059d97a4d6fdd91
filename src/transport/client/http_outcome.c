/*
 * http_outcome.c
 *		What is noted of a request of the HTTP client besides its answer: the way
 *		that it took, where it was sent on to, and when to come again.
 */
#include "postgres.h"

#include "transport/client/http_operation.h"
#include "transport/client/outgoing.h"
#include "transport/client/proxy_auth.h"

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

/* Microseconds from the start; 0: it did not get so far */
static int
time_of(QlmHttpOperation *op, CURLINFO what)
{
	curl_off_t	us = 0;

	if (curl_easy_getinfo(op->easy, what, &us) != CURLE_OK)
		return 0;
	return (int) Min(us, PG_INT32_MAX);
}

static QlmReach
reach_of(QlmHttpOperation *op, long status)
{
	const char *url = op->target ? op->target : op->transfer->url;
	bool		is_tls = pg_strncasecmp(url, "https:", 6) == 0;
	long		connect_status = 0;

	if (status > 0)
		return QLM_REACH_ANSWER;
	if (op->body_sent > 0 || time_of(op, CURLINFO_PRETRANSFER_TIME_T) > 0)
		return QLM_REACH_SENT;
	if (is_tls && time_of(op, CURLINFO_APPCONNECT_TIME_T) > 0)
		return QLM_REACH_TLS;
	curl_easy_getinfo(op->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 200 && connect_status < 300)
		return QLM_REACH_PROXY;
	if (op->transfer->address[0])
		return QLM_REACH_CONNECTION;
	return time_of(op, CURLINFO_NAMELOOKUP_TIME_T) > 0 ? QLM_REACH_NAME : QLM_REACH_NOTHING;
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
	transfer->reach = reach_of(op, status);
	transfer->name_us = time_of(op, CURLINFO_NAMELOOKUP_TIME_T);
	transfer->connect_us = Max(time_of(op, CURLINFO_CONNECT_TIME_T) - transfer->name_us, 0);
	if (op->is_proxied)
	{
		qlm_outgoing_copy(transfer->through, transfer->proxy, sizeof(transfer->through));
		qlm_proxy_auth_note(op, status);
	}
}
