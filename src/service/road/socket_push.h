/*
 * socket_push.h
 *		What is queued for a peer that is connected by WebSocket.
 */
#ifndef QLM_SOCKET_PUSH_H
#define QLM_SOCKET_PUSH_H

#include "nodes/pg_list.h"

#include "service/exchange/job.h"

typedef struct QlmPeerPush
{
	int64		message_id;
	char	   *text;
} QlmPeerPush;

/*
 * Take what is due for the peer of a connection, as messages to be pushed there
 * (List of QlmPeerPush *).  valid: it is still the peer that it was.
 */
extern List *qlm_push_queued(const QlmConnected *connected, bool *valid);

/* Is it still that peer, though nothing is due? */
extern bool qlm_push_is_for(const QlmConnected *connected);

#endif							/* QLM_SOCKET_PUSH_H */
