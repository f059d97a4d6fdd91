/*
 * outbox_reason.h
 *		Why a row of the outbox waits.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_REASON_H
#define QLM_STORAGE_OUTBOX_REASON_H

/*
 * Why does it wait, and what can be done about it?  NULL: it has ended, or
 * nothing need be.
 */
extern char *qlm_outbox_reason(int64 message_id, char **what_to_do);

/*
 * Note that in what waits for a peer which may not leave, where nothing is noted
 * or it has changed; or note this.
 */
extern void qlm_outbox_say_why(int peer_id, bool has_changed);
extern void qlm_outbox_say(int64 message_id, const char *what);

#endif							/* QLM_STORAGE_OUTBOX_REASON_H */
