/*
 * caller_limits.h
 *		How much a caller may leave at this node.
 */
#ifndef QLM_CALLER_LIMITS_H
#define QLM_CALLER_LIMITS_H

#include "service/exchange/exchange.h"

/* Are there limits to what he may leave here?  Not for administrators in SQL. */
extern bool qlm_is_limited(Oid role, bool from_session);

/*
 * May it queue another message, for a peer (0: for a URL)?  If not, what is
 * said of it, with code 429
 */
extern bool qlm_exchange_may_queue(QlmExchange *exchange, int peer_id);
extern const char *qlm_queue_surplus(void);

/* Has the caller as many subscriptions as he may have?  Says so, or NULL. */
extern const char *qlm_subscription_surplus(int peer_id, Oid role, bool from_session);

#endif							/* QLM_CALLER_LIMITS_H */
