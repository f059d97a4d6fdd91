/*
 * outbox_ended.h
 *		Outbox rows of subscriptions that have ended.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_ENDED_H
#define QLM_STORAGE_OUTBOX_ENDED_H

/*
 * For a trigger: end what waits for these subscriptions, the rows of its transition table
 * old_subscriptions, or of all.  What is leased stays marked as being posted, and
 * has arrived if its transfer says so.
 */
extern void qlm_outbox_end(bool all);

/* What waits for its callback leaves although the subscription ends. */
extern void qlm_outbox_detach(int64 subscription_id);

#endif							/* QLM_STORAGE_OUTBOX_ENDED_H */
