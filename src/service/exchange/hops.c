/*
 * hops.c
 *		Which nodes a message has come through, and how long this one waits for
 *		the next (protocol 8.1).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"

#include "base/limits.h"
#include "service/exchange/hops.h"
#include "service/exchange/lifetime.h"

/* An id for this node that does not reveal the system identifier */
static const char *
own_id(void)
{
	uint64		seed[2] = {GetSystemIdentifier(), MyDatabaseId};

	return psprintf("%016llx", (unsigned long long)
					hash_bytes_extended((const unsigned char *) seed,
										sizeof(seed), 0));
}

bool
qlm_exchange_has_been_here(const QlmExchange *exchange)
{
	const char *hops = exchange->request->hops;

	return hops && strstr(hops, own_id()) != NULL;
}

static int
count_hops(const char *hops)
{
	int			n = hops && *hops ? 1 : 0;

	for (; hops && *hops; hops++)
		n += *hops == ',';
	return n;
}

bool
qlm_exchange_went_too_far(const QlmExchange *exchange)
{
	return count_hops(exchange->request->hops) >= QLM_MAX_HOPS;
}

/*
 * Returns until when an answer of other nodes is awaited.  The time shrinks
 * with each hop, so that a node further down gives up first: otherwise the
 * connections of those that wait for it would time out, and they would ask
 * again.
 */
TimestampTz
qlm_exchange_held_until(const QlmExchange *exchange)
{
	double		seconds = QLM_MAX_FORWARD_WAIT /
		(double) (1 + Min(count_hops(exchange->request->hops), QLM_MAX_HOPS));

	if (exchange->request->ttl > 0)
		seconds = Min(seconds, exchange->request->ttl);
	if (exchange->job->prefer_wait > 0)
		seconds = Min(seconds, exchange->job->prefer_wait);
	return exchange->received_at + (TimestampTz) (seconds * USECS_PER_SEC);
}

/*
 * Returns until when answers of other nodes are of use.  With ttl 0 that is as
 * long as the caller waits.
 */
TimestampTz
qlm_exchange_answered_until(const QlmExchange *exchange)
{
	return exchange->request->ttl == 0 ?
		exchange->received_at + (TimestampTz) QLM_MAX_FORWARD_WAIT * USECS_PER_SEC :
		qlm_ttl_end(exchange->received_at, exchange->request->ttl);
}

const char *
qlm_exchange_hops(const QlmExchange *exchange)
{
	const char *hops = exchange->request->hops;

	return hops && *hops ? psprintf("%s,%s", hops, own_id()) : own_id();
}
