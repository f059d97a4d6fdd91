/*
 * subscription.h
 *		Subscriptions, what they cover, and what waits to be polled.
 *
 * As outbox.h: becomes the owner inside, so callers check rights before.
 */
#ifndef QLM_STORAGE_SUBSCRIPTION_H
#define QLM_STORAGE_SUBSCRIPTION_H

#include "utils/tuplestore.h"

#include "message/dialect.h"

typedef struct QlmSubscription
{
	int64		request_id;
	Oid			role;			/* owner; its rights read the data */
	int			peer_id;		/* who made it; 0: no peer */
	const char *peer;			/* its name */
	const char *callback;		/* NULL: polled */
	double		interval;
	const char *dialect;		/* text form */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND: never */
	TimestampTz polled_at;		/* last tick polled; created_at: none yet */
	int64		dropped;
	int			ntargets;
	const char **targets;
	const char *node;			/* it is one at another node; NULL: here */
} QlmSubscription;

/* Store it; fills in request_id and created_at. */
extern void qlm_subscription_add(QlmSubscription *subscription);

/* NULL: unknown, or its ttl has ended, or its role is gone.  for_update: until transaction end */
extern QlmSubscription *qlm_subscription_get(int64 request_id,
											 bool for_update);

extern bool qlm_subscription_cancel(int64 request_id);

/* After an interval poll: ticks up to here are done; dropped starts anew. */
extern void qlm_subscription_polled(const QlmSubscription *subscription,
									TimestampTz tick);

/* Remove at most max subscriptions whose ttl has ended. */
extern int	qlm_subscription_expire(int max);

#endif							/* QLM_STORAGE_SUBSCRIPTION_H */
