/*
 * peer_gone.h
 *		What belongs to peers that are gone goes with them.
 */
#ifndef QLM_PEER_GONE_H
#define QLM_PEER_GONE_H

/*
 * What belongs to peers that are gone goes: what waits for them or was asked for
 * by them is cancelled, their subscriptions and those made there end.  Returns
 * how many such peers were found.
 */
extern int	qlm_peer_forget_gone(void);

#endif							/* QLM_PEER_GONE_H */
