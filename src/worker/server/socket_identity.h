/*
 * socket_identity.h
 *		Identifies the peer of a WebSocket before its first message.
 */
#ifndef QLM_SOCKET_IDENTITY_H
#define QLM_SOCKET_IDENTITY_H

#include "service/exchange/job.h"
#include "transport/websocket/websocket.h"

/*
 * In the current memory context; NULL: nobody can say.  pause_ms above 0: ask
 * again after so long, with has_waited.
 */
extern const QlmConnected *qlm_socket_identity_find(const QlmWebSocket *socket,
											const char *name, bool has_waited,
											int *pause_ms);

#endif							/* QLM_SOCKET_IDENTITY_H */
