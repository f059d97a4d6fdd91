/*
 * forward.h
 *		Requests with a nodeList: sent on to each of the nodes.
 */
#ifndef QLM_FORWARD_H
#define QLM_FORWARD_H

#include "service/exchange/exchange.h"

/*
 * Send one verb on to the nodes of its nodeList.  May it be at all?  If not,
 * the answer says why.
 */
extern bool qlm_exchange_may_forward(QlmExchange *exchange, const QlmRequest *request);
extern void qlm_verb_forward(QlmExchange *exchange, const QlmRequest *request,
							 QlmRequest *response);

/* Send one verb on to a peer, which the results call node. */
extern void qlm_exchange_forward(QlmExchange *exchange, const QlmRequest *request,
								 const QlmPeer *peer, const char *node,
								 QlmRequest *response);

#endif							/* QLM_FORWARD_H */
