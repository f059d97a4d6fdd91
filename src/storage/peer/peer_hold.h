/*
 * peer_hold.h
 *		For how long a peer is asked to hold calls, in its row.
 */
#ifndef QLM_PEER_HOLD_H
#define QLM_PEER_HOLD_H

/*
 * Both become the owner inside, wake nobody, and return whether it was noted:
 * it is not where somebody else is changing the row.
 */
extern bool qlm_peer_note_hold(int peer_id, int seconds);

/* Something on the way has ended one after so long: what, in words. */
extern bool qlm_peer_note_cut(int peer_id, int seconds, int cut_ms, const char *by);

#endif							/* QLM_PEER_HOLD_H */
