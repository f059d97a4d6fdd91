/*
 * subscribe.h
 *		What envelopes and SQL functions share about subscriptions.
 */
#ifndef QLM_SUBSCRIBE_H
#define QLM_SUBSCRIBE_H

#include "service/exchange/exchange.h"
#include "storage/peer/peer.h"
#include "storage/subscription/subscription.h"

/* The verbs: a read with an interval, and cancel */
extern void qlm_verb_subscribe(QlmExchange *exchange, const QlmRequest *request,
							   QlmRequest *response);
extern void qlm_verb_cancel(QlmExchange *exchange, const QlmRequest *request,
							QlmRequest *response);

/* NOTIFY whoever is to poll it, if its callback says so. */
extern void qlm_subscription_notify(const QlmSubscription *subscription);

/* Why the caller may have no more subscriptions; NULL: it may */
extern const char *qlm_exchange_subscription_surplus(const QlmExchange *exchange);

/*
 * The subscription that a verb asks for, but for its targets or its node.  If its
 * data are to be pushed on the connection on which it came, the job says so from now
 * on.
 */
extern QlmSubscription qlm_exchange_subscription(QlmExchange *exchange, const QlmRequest *request);

/*
 * Store it, ttl in seconds (not above 0: forever).  Returns what its interval
 * has become, if that is another; else NULL.
 */
extern const char *qlm_subscribe(QlmSubscription *subscription, double ttl);

extern bool qlm_subscription_is_callers(const QlmSubscription *subscription,
										const QlmPeer *peer, Oid role,
										bool from_session);

/* The subscription if it is there and the caller's, locked; else NULL */
extern QlmSubscription *qlm_subscription_of_caller(QlmExchange *exchange,
												   const char *request_id);

/*
 * How a message, for a callback or as the answer to a poll, says that values
 * were lost before it; NULL for none
 */
extern const char *qlm_dropped_note(int64 dropped, bool by_callback);

#endif							/* QLM_SUBSCRIBE_H */
