/*
 * callback.h
 *		Where callbacks may go.
 */
#ifndef QLM_CALLBACK_H
#define QLM_CALLBACK_H

#include "storage/peer/peer.h"

/* notify:CHANNEL; the channel is NULL where it is none that PostgreSQL can have */
extern bool qlm_is_notify(const char *callback);
extern const char *qlm_notify_channel(const char *callback);

/*
 * What is wrong with a callback that this peer (NULL: none) names, or NULL.
 * code, if not NULL: the one to answer with.  What its host may still turn out
 * to be is judged when a connection is opened.
 */
extern const char *qlm_callback_problem(const QlmPeer *peer, const char *callback,
										bool from_session, int *code);

/* The hosts of the known peers, as a list of base/address.h */
extern char *qlm_callback_peer_hosts(void);

#endif							/* QLM_CALLBACK_H */
