/*
 * relay_node.h
 *		Subscriptions at other nodes: what relay.c and relay_answer.c share.
 */
#ifndef QLM_RELAY_NODE_H
#define QLM_RELAY_NODE_H

#include "service/road/exchange.h"
#include "storage/subscription/forwarding.h"
#include "storage/subscription/subscription.h"

/*
 * Give the subscriber what the node has said.  final: nothing comes after it,
 * so the subscription ends with it.
 */
extern void qlm_relay_deliver(const QlmSubscription *subscription, List *results,
							  bool final);

/* The results of an envelope that was kept or has come; NIL: none */
extern List *qlm_relay_parse(const char *text);

/* Is there a requestID that it has at the node? */
extern bool qlm_relay_is_known(const QlmForwarding *forwarding);

/* Queue a request about the subscription itself, by that requestID. */
extern void qlm_relay_ask(const QlmForwarding *forwarding, QlmVerb verb,
						  const char *dialect_text, const char *node,
						  TimestampTz expires_at);

/* Cancel it at the node, and forget it. */
extern void qlm_relay_cancel(const QlmForwarding *forwarding, const char *dialect,
							 TimestampTz expires_at);

#endif							/* QLM_RELAY_NODE_H */
