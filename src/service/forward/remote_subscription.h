/*
 * remote_subscription.h
 *		Subscriptions at other nodes: made for a caller, who has them under a
 *		requestID of this node.
 */
#ifndef QLM_REMOTE_SUBSCRIPTION_H
#define QLM_REMOTE_SUBSCRIPTION_H

#include "service/exchange/exchange.h"
#include "storage/peer/peer.h"
#include "storage/subscription/subscription.h"

/* Subscribe at a node of the nodeList; adds the result. */
extern void qlm_remote_subscription_begin(QlmExchange *exchange, const QlmRequest *request,
										  const QlmPeer *peer, const char *node,
								QlmRequest *response);

/* A node has posted to the callback URL that ends in this token. */
extern void qlm_remote_subscription_receive(QlmExchange *exchange, const char *token);

/*
 * Hand on what a peer delivers under its own requestIDs.  Returns the results
 * that are something else.
 */
extern List *qlm_remote_subscription_results(int peer_id, List *results);

/* What waits to be polled, as results; note as qlm_poll's */
extern List *qlm_remote_subscription_poll(QlmSubscription *subscription, const char **note);

/*
 * For the dispatcher: take up answers of nodes and queue polls that are due,
 * at most so many of each; how many?  The caller has a transaction.
 */
extern int	qlm_remote_subscription_work(int max);

/* The subscription is gone: end it at the node, too, unless its ttl is over. */
extern void qlm_remote_subscription_end(int64 request_id, const char *dialect,
										TimestampTz expires_at);

#endif							/* QLM_REMOTE_SUBSCRIPTION_H */
