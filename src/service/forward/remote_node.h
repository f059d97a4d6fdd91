/*
 * remote_node.h
 *		Subscriptions at other nodes: what remote_subscription.c and remote_answer.c share.
 */
#ifndef QLM_REMOTE_NODE_H
#define QLM_REMOTE_NODE_H

#include "service/road/exchange.h"
#include "storage/subscription/remote.h"
#include "storage/subscription/subscription.h"

/*
 * Give the subscriber what the node has said.  final: nothing comes after it,
 * so the subscription ends with it.
 */
extern void qlm_remote_subscription_give(const QlmSubscription *subscription, List *results,
										 bool final);

/* The results of an envelope that was kept or has come; NIL: none */
extern List *qlm_remote_subscription_parse(const char *text);

/* Is there a requestID that it has at the node? */
extern bool qlm_remote_subscription_is_known(const QlmRemote *remote);

/* Queue a request about the subscription itself, by that requestID. */
extern void qlm_remote_subscription_ask(const QlmRemote *remote, QlmVerb verb,
										const char *dialect_text, const char *node,
						  TimestampTz expires_at);

/* Cancel it at the node, and forget it. */
extern void qlm_remote_subscription_cancel(const QlmRemote *remote, const char *dialect,
										   TimestampTz expires_at);

#endif							/* QLM_REMOTE_NODE_H */
