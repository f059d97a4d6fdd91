/*
 * send_on.h
 *		A request sent on to another node: the copy of it that is queued.
 */
#ifndef QLM_SEND_ON_H
#define QLM_SEND_ON_H

#include "service/exchange/exchange.h"
#include "storage/outbox/outbox.h"

/* Queue a copy without nodeList, which says that it was here. */
extern int64 qlm_exchange_queue(const QlmExchange *exchange, const QlmRequest *request,
								QlmOutboxRow *row);

/*
 * The request as an outbox row for a peer; queue it.  node NULL: the
 * peer's device is asked, whose answer is this node's too.
 */
extern int64 qlm_exchange_send_on(QlmExchange *exchange, const QlmRequest *request,
								  const QlmPeer *peer, const char *node);

/* Is the answer held until the nodes have said theirs? */
extern bool qlm_exchange_holds(const QlmExchange *exchange);

#endif							/* QLM_SEND_ON_H */
