/*
 * outbox_trim.h
 *		Deletes surplus rows that have ended.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_TRIM_H
#define QLM_STORAGE_OUTBOX_TRIM_H

/*
 * Small steps of housekeeping: remembered ids, finished rows beyond the
 * newest 100,000 requests and as many others, rows of a subscription
 * beyond qlm.poll_buffer_max, endpoints that nobody uses.  Returns how many
 * went.
 */
extern int	qlm_outbox_trim(int max);

#endif							/* QLM_STORAGE_OUTBOX_TRIM_H */
