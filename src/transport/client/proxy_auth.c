/*
 * proxy_auth.c
 *		How credentials are shown to proxies.
 *
 * A proxy says with 407 which schemes it knows, and the message is sent again.
 * One that has asked for Basic alone, and then let it through, is remembered:
 * asking it each time would take a second round trip for each message.  Other
 * schemes need what the 407 says.  Credentials are a part of what is remembered,
 * so others begin anew, and a proxy that refuses them is asked again.  Only a
 * success counts: some proxies refuse with a status of their own.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "transport/client/proxy_auth.h"

#define REMEMBERED		16
#define HTTP_PROXY_AUTH_REQUIRED	407

static uint64 basic[REMEMBERED];	/* 0: none */
static int	newest = 0;

static uint64
key_of(const char *proxy)
{
	return hash_bytes_extended((const unsigned char *) proxy, strlen(proxy), 0) | 1;
}

static int
find(const char *proxy)
{
	uint64		key = key_of(proxy);

	for (int i = 0; i < REMEMBERED; i++)
	{
		if (basic[i] == key)
			return i;
	}
	return -1;
}

long
qlm_proxy_auth(const char *proxy)
{
	return (long) (find(proxy) >= 0 ? CURLAUTH_BASIC : CURLAUTH_ANY);
}

void
qlm_proxy_auth_note(QlmHttpOperation *op, long status)
{
	const char *proxy = op->transfer->proxy;
	long		asked = 0;
	long		tunnel = 0;
	int			known = find(proxy);

	curl_easy_getinfo(op->easy, CURLINFO_PROXYAUTH_AVAIL, &asked);
	curl_easy_getinfo(op->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (status == HTTP_PROXY_AUTH_REQUIRED || tunnel == HTTP_PROXY_AUTH_REQUIRED)
	{
		if (known >= 0)
			basic[known] = 0;
	}
	else if (status >= 200 && status < 300 && asked == (long) CURLAUTH_BASIC && known < 0)
	{
		newest = (newest + 1) % REMEMBERED;
		basic[newest] = key_of(proxy);
	}
}
