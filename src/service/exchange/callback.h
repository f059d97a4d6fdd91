/*
 * callback.h
 *		Where callbacks may go.
 */
#ifndef QLM_CALLBACK_H
#define QLM_CALLBACK_H

#include "service/exchange/exchange.h"

/* notify:CHANNEL; the channel is NULL where it is none that PostgreSQL can have */
extern bool qlm_is_notify(const char *callback);
extern const char *qlm_notify_channel(const char *callback);

/*
 * What is wrong with a callback that this peer (NULL: none) names, or NULL.
 * code, if not NULL: the one to answer with.  may_notify: notify:CHANNEL is one.
 * What its host may still turn out to be is judged when a connection is opened.
 */
extern const char *qlm_callback_problem(const QlmPeer *peer, const char *callback,
										bool may_notify, int *code);

/* Does it name the WebSocket that the message came on, and is there one? */
extern bool qlm_exchange_is_own_callback(const QlmExchange *exchange,
										 const char *callback);

/* The same of one that a message names, which may be "0" on a WebSocket */
extern const char *qlm_exchange_callback_problem(const QlmExchange *exchange,
												 const char *callback,
												 bool may_notify, int *code);

/* Where it leads: to that WebSocket, on which something may be pushed then */
extern const char *qlm_exchange_callback_target(QlmExchange *exchange,
												const char *callback);

/* The hosts of the known peers, as a list of base/address.h */
extern char *qlm_callback_peer_hosts(void);

#endif							/* QLM_CALLBACK_H */
