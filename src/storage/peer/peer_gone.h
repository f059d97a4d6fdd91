/*
 * peer_gone.h
 *		Deletes rows of peers that were deleted.
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
