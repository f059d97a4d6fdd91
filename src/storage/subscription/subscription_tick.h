/*
 * subscription_tick.h
 *		Interval subscriptions with a callback: when they are due, and what gives
 *		way to a newer message.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_TICK_H
#define QLM_SUBSCRIPTION_TICK_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Subscriptions with interval and callback whose next tick is due */
typedef struct QlmTick
{
	int64		request_id;
	TimestampTz due;
} QlmTick;

extern List *qlm_tick_due(int max);

/*
 * The tick was served: next_due moves on along the grid of the subscription's
 * start to after now; of messages of this subscription that have not left yet
 * only the newest stays, the others are dropped and counted.
 */
extern void qlm_tick_done(int64 request_id);

/*
 * What is queued of it gives way to a newer message, but for the newest kept of
 * them, and is counted as dropped.  As the owner.
 */
extern void qlm_tick_give_way(int64 request_id, int kept);

#endif							/* QLM_SUBSCRIPTION_TICK_H */
