/*
 * quota.h
 *		How much a caller has here already.
 *
 * Counted when more of it is asked for, and no further than to the limit.
 * Several at once may pass it by some.  As outbox.h: becomes the owner inside.
 */
#ifndef QLM_QUOTA_H
#define QLM_QUOTA_H

/* Room for so many more subscriptions; of a role: those without a peer */
extern int	qlm_quota_subscriptions(int peer_id, Oid role, int limit);

/* Room for so many more messages that he has asked for, or that wait for a peer */
extern int	qlm_quota_asked(int peer_id, Oid role);
extern int	qlm_quota_waiting(int peer_id);

/*
 * The same for a message that an event brings; it is taken as queued.  What
 * others of the caller's messages there are is counted now and then only.
 */
extern bool qlm_quota_take_event(int peer_id, Oid role);

#endif							/* QLM_QUOTA_H */
