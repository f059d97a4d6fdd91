/*
 * interval.h
 *		Interval subscriptions with a callback.
 */
#ifndef QLM_INTERVAL_H
#define QLM_INTERVAL_H

#include "postgres.h"

/* One is due: queue its outbox row, or notify. */
extern void qlm_interval_tick(int64 request_id);

#endif							/* QLM_INTERVAL_H */
