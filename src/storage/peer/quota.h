/*
 * quota.h
 *		How much of this node a caller uses: its subscriptions and queued messages.
 *
 * It is counted when the caller asks for more, and no further than to the limit.  Callers
 * that ask at the same time may exceed the limit by a few.  All functions execute their
 * statements as the owner of the tables.
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
