/*
 * last_heard.h
 *		Where a peer was heard last, among all workers of a database: on which
 *		WebSocket, or with which request that is held for it.  What is queued for
 *		a peer goes there, and not to connections of before, of which nobody
 *		knows whether there is still anybody at the other end.
 *
 * Works where there is shared memory; elsewhere each worker knows its own.
 */
#ifndef QLM_LAST_HEARD_H
#define QLM_LAST_HEARD_H

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

typedef struct QlmLastHeard QlmLastHeard;

/*
 * One more place where a peer may be heard, and was at that time.  It ends with
 * this process at the latest.
 */
extern QlmLastHeard *qlm_last_heard_begin(int peer_id, TimestampTz heard_at);

/* The peer was last heard there at that time. */
extern void qlm_last_heard_note(QlmLastHeard *presence, TimestampTz heard_at);

/*
 * Is there none where it was heard later?  Where the latest one has ended, none
 * is the latest for a moment: the peer may be about to come back.
 */
extern bool qlm_last_heard_is_latest(const QlmLastHeard *presence);

/* It has ended; it_returns: the peer has its answer, and will probably ask again. */
extern void qlm_last_heard_end(QlmLastHeard *presence, bool it_returns);

/* How long that moment is */
#define QLM_LAST_HEARD_GRACE_MS	2000

/* What it needs of the shared memory, which shmem.c makes */
extern Size qlm_last_heard_size(void);
extern void qlm_last_heard_create(LWLock *lock);

#endif							/* QLM_LAST_HEARD_H */
