/*
 * wake_key.h
 *		What a transaction has done that others wait for, and for whom, as a set
 *		of small numbers: wake.c tells those who wait, once it has committed.
 *
 * Several peers and subscriptions share a number; a process that is woken
 * without need looks and goes on waiting.
 */
#ifndef QLM_WAKE_KEY_H
#define QLM_WAKE_KEY_H

#include "postgres.h"

#define QLM_WAKE_KEYS		4096
#define QLM_WAKE_WORDS		(QLM_WAKE_KEYS / 64)

/* What this transaction did that others wait for; process/wake.c sends it. */
#define QLM_WAKE_OUTBOX		1	/* something must leave */
#define QLM_WAKE_ANSWER		2	/* something has ended */
#define QLM_WAKE_BUFFER		4	/* values wait to be polled */
#define QLM_WAKE_PUSH		8	/* something waits for a WebSocket */
#define QLM_WAKE_ROLE		16	/* a role has another name, or none; in all databases */
#define QLM_WAKE_ENDED		32	/* what has been claimed may have ended */
extern int	qlm_wake_pending;

/* The keys that it has noted */
extern uint64 qlm_wake_keys[QLM_WAKE_WORDS];

extern uint32 qlm_wake_key_of_peer(int peer_id);
extern uint32 qlm_wake_key_of_connection(const char *name);
extern uint32 qlm_wake_key_of_subscription(int64 request_id);

/* Numbers of outbox rows and of subscriptions differ. */
#define qlm_wake_key_of_row qlm_wake_key_of_subscription

extern void qlm_wake_key_note(uint32 key);

/* For somebody who is not known here */
extern void qlm_wake_key_note_all(void);

static inline bool
qlm_wake_key_is_set(const uint64 *keys, uint32 key)
{
	return (keys[key / 64] >> (key % 64)) & 1;
}

#endif							/* QLM_WAKE_KEY_H */
