/*
 * heartbeat_hold.h
 *		How long calls to a peer are held, and what cuts them.
 */
#ifndef QLM_HEARTBEAT_HOLD_H
#define QLM_HEARTBEAT_HOLD_H

#include "portability/instr_time.h"
#include "base/hold_time.h"
#include "storage/outbox/heartbeat_peer.h"
#include "transport/client/http_client.h"

typedef struct QlmHeartbeatHold
{
	QlmHoldTime hold;
	int			noted;			/* seconds in the peer's row; 0: none */
	instr_time	since;			/* of the call */
	int			elapsed_ms;		/* until it ended */
} QlmHeartbeatHold;

/* is_same_way: what the peer's row says was learned where the calls go now. */
extern void qlm_heartbeat_hold_init(QlmHeartbeatHold *held, const QlmHeartbeat *peer,
									bool is_same_way);

/* A call begins: for how long it asks to be held, and is waited for; it ends. */
extern void qlm_heartbeat_hold_begin(QlmHeartbeatHold *held, QlmTransfer *transfer);
extern void qlm_heartbeat_hold_end(QlmHeartbeatHold *held);

/* Has the peer held the call, so that another may follow at once? */
extern bool qlm_heartbeat_hold_took(const QlmHeartbeatHold *held,
									const QlmTransfer *transfer);

/*
 * Has something on the way cut it?  Then nothing came, and nobody has failed.
 * by: what that was, of size bytes.
 */
extern bool qlm_heartbeat_hold_was_cut(QlmHeartbeatHold *held, const QlmTransfer *transfer,
									   char *by, Size size);

/* Within a transaction: what was learned goes into the row where it is new. */
extern void qlm_heartbeat_hold_note_cut(QlmHeartbeatHold *held, int peer_id, const char *by);
extern void qlm_heartbeat_hold_answered(QlmHeartbeatHold *held, int peer_id);

#endif							/* QLM_HEARTBEAT_HOLD_H */
