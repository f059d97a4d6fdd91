/*
 * hops.h
 *		Which nodes a message has come through, and how long this one waits for
 *		the next.
 */
#ifndef QLM_HOPS_H
#define QLM_HOPS_H

#include "service/exchange/exchange.h"

/* Has it been here before, or at too many nodes? */
extern bool qlm_exchange_has_been_here(const QlmExchange *exchange);
extern bool qlm_exchange_went_too_far(const QlmExchange *exchange);

/* The nodes, and this one */
extern const char *qlm_exchange_hops(const QlmExchange *exchange);

/* Until when a request that was sent on is held */
extern TimestampTz qlm_exchange_held_until(const QlmExchange *exchange);

/* Until when an answer may come, with ttl 0 only while the caller waits */
extern TimestampTz qlm_exchange_answered_until(const QlmExchange *exchange);

#endif							/* QLM_HOPS_H */
