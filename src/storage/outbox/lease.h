/*
 * lease.h
 *		Rows of the outbox that the dispatcher leases and posts, and what became
 *		of that.
 *
 * As outbox.h: becomes the owner inside.  Lease, transfer, record: no
 * transaction is open while bytes travel.  A row is due again after its lease if
 * nothing was recorded.
 */
#ifndef QLM_STORAGE_LEASE_H
#define QLM_STORAGE_LEASE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/outbox/endpoint.h"

/*
 * Lease the next rows for an endpoint, in order (List of QlmOutboxRow *,
 * with is_response and subscription_id).  Those whose ttl has ended become
 * expired instead.
 */
extern List *qlm_lease_begin(const QlmEndpoint *endpoint, int max,
							 int lease_ms);

/* It was delivered: a response is done, a request has its answer if given. */
extern void qlm_lease_answered(const QlmEndpoint *endpoint, int64 message_id,
							   int return_code, const char *answer);

/* The same for many responses at once, which is cheaper (List of int64 *). */
extern void qlm_lease_accepted(const QlmEndpoint *endpoint, List *message_ids);

/*
 * They were not: give these rows of the claim back, count the failure and
 * pause the endpoint with growing delay and jitter between qlm.retry_delay and
 * qlm.retry_max_delay, and for retry_after seconds where that is between them.
 * once_more: the first one to fail is tried again at once.
 * tried: those that have left (Lists of int64 *).
 */
extern void qlm_lease_failed(const QlmEndpoint *endpoint, List *message_ids,
							 List *tried, const char *reason, int retry_after,
								bool once_more);

/* Requests without an answer, while one behind them had one: they leave again, later and later. */
extern void qlm_lease_passed(List *message_ids, List *tried, const char *reason);

/*
 * Refused for good: they are failed, and the endpoint is not paused.  What a
 * subscription misses by that counts as dropped.
 */
extern void qlm_lease_refused(const QlmEndpoint *endpoint, List *message_ids,
							  const char *reason);

/* Give leased rows back as if they had never left (List of int64 *). */
extern void qlm_lease_release(List *message_ids);

/* A dispatcher begins: whatever an earlier one has leased is due again. */
extern void qlm_lease_recover(void);

/*
 * Rows that are leased (List of QlmOutboxRow *), without what has ended meanwhile;
 * the first `from` of them stay.  tried: they have left before.
 */
extern List *qlm_lease_drop_ended(List *rows, int from, bool tried);

#endif							/* QLM_STORAGE_LEASE_H */
