/*
 * proxy_auth.c
 *		Which proxies get credentials without having asked for them.
 *
 * A proxy says with 407 which schemes it supports, and the request is sent
 * again.  A proxy that has asked only for Basic and then accepted it is
 * remembered, which saves a round trip for each request.  Other schemes need
 * the contents of the 407. The entry includes the credentials, so new ones are
 * negotiated again, and so they are after a refusal.  Only success counts:
 * some proxies refuse with another status.
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

bool
qlm_proxy_auth_is_basic(const char *proxy)
{
	return find(proxy) >= 0;
}

void
qlm_proxy_auth_note(const char *proxy, long status, long tunnel, bool asked_basic)
{
	int			known = find(proxy);

	if (status == HTTP_PROXY_AUTH_REQUIRED || tunnel == HTTP_PROXY_AUTH_REQUIRED)
	{
		if (known >= 0)
			basic[known] = 0;
	}
	else if (status >= 200 && status < 300 && asked_basic && known < 0)
	{
		newest = (newest + 1) % REMEMBERED;
		basic[newest] = key_of(proxy);
	}
}
