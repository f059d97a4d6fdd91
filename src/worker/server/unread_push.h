/*
 * unread_push.h
 *		Messages that were pushed on a WebSocket and are not known to be read.
 */
#ifndef QLM_UNREAD_PUSH_H
#define QLM_UNREAD_PUSH_H

#include "datatype/timestamp.h"

#include "nodes/pg_list.h"

#include "process/shmem.h"
#include "transport/websocket/websocket.h"

#define QLM_MAX_PUSHED	64		/* what was pushed before waits for its time */

typedef struct QlmUnreadPushes
{
	int			n;
	int64		message_ids[QLM_MAX_PUSHED];
	TimestampTz at;				/* the last one */
} QlmUnreadPushes;

/* Push to the peer at the other end (List of QlmPeerPush *), and ask for life. */
extern void qlm_unread_push_send(QlmUnreadPushes *pushed, QlmWebSocket *socket, List *pushes,
							QlmWorkerSlot *slot);

/* Ask whether there is somebody who will read what it is full of. */
extern void qlm_unread_push_ask(QlmWebSocket *socket);

/* It was in vain: in the next run it becomes due again. */
extern void qlm_unread_push_return(const QlmUnreadPushes *pushed);
extern void qlm_unread_push_run(QlmWorkerSlot *slot);

/* When it must run; DT_NOEND: there is nothing */
extern TimestampTz qlm_unread_push_due(void);

#endif							/* QLM_UNREAD_PUSH_H */
