/*
 * pushed.h
 *		What was pushed on a WebSocket and has not been shown to be read.
 */
#ifndef QLM_PUSHED_H
#define QLM_PUSHED_H

#include "datatype/timestamp.h"

#include "nodes/pg_list.h"

#include "transport/websocket/websocket.h"
#include "worker/launcher/slot.h"

#define QLM_MAX_PUSHED	64		/* what was pushed before waits for its time */

typedef struct QlmPushed
{
	int			n;
	int64		message_ids[QLM_MAX_PUSHED];
	TimestampTz at;				/* the last one */
} QlmPushed;

/* Push to the peer at the other end (List of QlmPeerPush *), and ask for life. */
extern void qlm_pushed_send(QlmPushed *pushed, QlmWebSocket *socket, List *pushes,
							QlmWorkerSlot *slot);

/* Ask whether there is somebody who will read what it is full of. */
extern void qlm_pushed_ask(QlmWebSocket *socket);

/* It was in vain: in the next run it becomes due again. */
extern void qlm_pushed_return(const QlmPushed *pushed);
extern void qlm_pushed_run(QlmWorkerSlot *slot);

/* When it must run; DT_NOEND: there is nothing */
extern TimestampTz qlm_pushed_due(void);

#endif							/* QLM_PUSHED_H */
