/*
 * greeting.h
 *		Whose a WebSocket is, before it has brought a message.
 */
#ifndef QLM_GREETING_H
#define QLM_GREETING_H

#include "service/exchange/job.h"
#include "transport/websocket/websocket.h"

/*
 * In the current memory context; NULL: nobody can say.  pause_ms above 0: ask
 * again after so long, with has_waited.
 */
extern const QlmConnected *qlm_greeting_run(const QlmWebSocket *socket,
											const char *name, bool has_waited,
											int *pause_ms);

#endif							/* QLM_GREETING_H */
