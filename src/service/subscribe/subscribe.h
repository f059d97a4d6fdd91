/*
 * subscribe.h
 *		What envelopes and SQL functions share about subscriptions.
 */
#ifndef QLM_SUBSCRIBE_H
#define QLM_SUBSCRIBE_H

#include "service/road/exchange.h"
#include "storage/peer/peer.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_match.h"

/* Seconds from a time, saturated; not above 0: forever */
extern TimestampTz qlm_ttl_end(TimestampTz from, double ttl);

/* What remains of it, in whole seconds; -1: it has no end */
extern double qlm_ttl_left(TimestampTz end);

/* Until when what nobody takes is kept, if it ends then at the latest */
extern TimestampTz qlm_kept_until(TimestampTz from, TimestampTz end);

/* NOTIFY whoever is to poll it, if its callback says so. */
extern void qlm_subscription_notify(const QlmSubscription *subscription);

/* Does it name the WebSocket that the message came on, and is there one? */
extern bool qlm_is_own_connection(const QlmExchange *exchange, const char *callback);

/* Are there limits to what he may leave here?  Not for administrators in SQL. */
extern bool qlm_is_limited(Oid role, bool from_session);

/* Has the caller as many subscriptions as he may have?  Says so, or NULL. */
extern const char *qlm_subscription_surplus(int peer_id, Oid role,
											bool from_session);

/*
 * Store it, ttl in seconds (not above 0: forever).  Returns what its interval
 * has become, if that is another; else NULL.
 */
extern const char *qlm_subscribe(QlmSubscription *subscription, double ttl);

/* New values to those who want them, in the transaction that writes them */
extern void qlm_events_hand_out(QlmMatch *matches, int n);

/*
 * A peer that owns Objects has begun a session: their current values to those
 * who subscribe to that, in the transaction of its message (protocol 4.7)
 */
extern void qlm_events_of_connected(int peer_id);

extern bool qlm_subscription_is_callers(const QlmSubscription *subscription,
										const QlmPeer *peer, Oid role,
										bool from_session);

/* A decimal requestID; 0 for any other text */
extern int64 qlm_request_id_parse(const char *text);

/* The subscription if it is there and the caller's, locked; else NULL */
extern QlmSubscription *qlm_subscription_of_caller(QlmExchange *exchange,
												   const char *request_id);

/*
 * How a message, for a callback or as the answer to a poll, says that values
 * were lost before it; NULL for none
 */
extern const char *qlm_dropped_note(int64 dropped, bool by_callback);

/* The values since the last poll in the tree of what it covers */
extern QlmOdf *qlm_poll(QlmSubscription *subscription, const char **note);

#endif							/* QLM_SUBSCRIBE_H */
