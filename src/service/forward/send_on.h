/*
 * send_on.h
 *		A request sent on to another node: the copy of it that is queued, and the limits
 *		of that.
 */
#ifndef QLM_SEND_ON_H
#define QLM_SEND_ON_H

#include "service/road/exchange.h"
#include "storage/outbox/outbox.h"
#include "storage/peer/peer.h"

/* Has it been here before, or at too many nodes? */
extern bool qlm_exchange_has_been_here(const QlmExchange *exchange);

extern bool qlm_exchange_went_too_far(const QlmExchange *exchange);

/* Until when a request that was sent on is held */
extern TimestampTz qlm_exchange_held_until(const QlmExchange *exchange);

/* Until when may an answer come?  With ttl 0 only while the caller waits. */
extern TimestampTz qlm_exchange_answered_until(const QlmExchange *exchange);

/*
 * May it queue another message, for a peer (0: for a URL)?  If
 * not, what is said of it, with code 429
 */
extern bool qlm_exchange_may_queue(QlmExchange *exchange, int peer_id);

extern const char *qlm_queue_surplus(void);

/* Queue a copy without nodeList, which says that it was here. */
extern int64 qlm_exchange_queue(const QlmExchange *exchange, const QlmRequest *request,
								QlmOutboxRow *message);

/*
 * The request as a message for a peer; queue it.  node NULL: the
 * peer's device is asked, whose answer is this node's too.
 */
extern int64 qlm_exchange_send_on(QlmExchange *exchange, const QlmRequest *request,
								  const QlmPeer *peer, const char *node);

/* Is the answer held until the nodes have said theirs? */
extern bool qlm_exchange_holds(const QlmExchange *exchange);

#endif							/* QLM_SEND_ON_H */
