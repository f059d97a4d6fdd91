/*
 * events.h
 *		New values to those who subscribe to them.
 */
#ifndef QLM_EVENTS_H
#define QLM_EVENTS_H

#include "storage/subscription/subscription_match.h"

/* New values to those who want them, in the transaction that writes them */
extern void qlm_events_hand_out(QlmMatch *matches, int n);

/*
 * A peer that owns Objects has begun a session: their current values to those
 * who subscribe to that, in the transaction of its message (protocol 4.7)
 */
extern void qlm_events_of_connected(int peer_id);

#endif							/* QLM_EVENTS_H */
