/*
 * dropped.h
 *		Counts lost values of a subscription until its next message reports
 *		them.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_DROPPED_H
#define QLM_SUBSCRIPTION_DROPPED_H

/*
 * How many messages were dropped since this was asked last?  For the message
 * that is about to be queued, which says it and carries it as dropped.  What
 * an interval subscription has queued gives way to that message at once.
 */
extern int64 qlm_dropped_take(int64 request_id);

/* Which of these have something that must be taken so?  Sets some[i]. */
extern void qlm_dropped_any(const int64 *request_ids, int n,
							bool *some);

/* Of each of these one was dropped, since its caller has too much queued. */
extern void qlm_dropped_add(const int64 *request_ids, int n);

/*
 * Drop what the buffer holds beyond qlm.poll_buffer_max, unless somebody else
 * has the subscription in hand, and count it together with what was dropped
 * already.  Returns the sum.  Get does it where it is for update.
 */
extern int64 qlm_subscription_trim(int64 request_id, int64 dropped);

#endif							/* QLM_SUBSCRIPTION_DROPPED_H */
