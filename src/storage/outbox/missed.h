/*
 * missed.h
 *		Counts outbox rows of subscriptions that were not accepted.
 */
#ifndef QLM_STORAGE_MISSED_H
#define QLM_STORAGE_MISSED_H

/* Of this subscription so many more rows will not come; to be counted. */
extern void qlm_missed_note(int64 subscription_id, int64 n);

/* The same of the rows of a statement: subscription, or null, and number */
extern void qlm_missed_note_rows(void);

/*
 * Count what was noted as dropped, with the owner's rights.  Subscriptions that
 * somebody has in hand are left for the next time.
 */
extern void qlm_missed_count(void);

/* Count what subscriptions miss that somebody else had in hand. */
extern void qlm_missed_count_now(void);

#endif							/* QLM_STORAGE_MISSED_H */
