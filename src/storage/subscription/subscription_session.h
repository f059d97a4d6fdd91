/*
 * subscription_session.h
 *		Subscriptions to peers that connect: interval -2.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_SESSION_H
#define QLM_SUBSCRIPTION_SESSION_H

#include "storage/peer/peer.h"
#include "storage/subscription/subscription_match.h"

/*
 * Which subscriptions with interval -2 cover something that the peer owns?  The
 * events are the current values of that, without those that this transaction
 * has given to them as first ones.
 */
extern int	qlm_subscription_match_owner(const QlmPeer *peer, QlmMatch **matches);

#endif							/* QLM_SUBSCRIPTION_SESSION_H */
