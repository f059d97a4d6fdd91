/*
 * websocket_life.h
 *		Detects WebSockets whose other end is gone.
 */
#ifndef QLM_WEBSOCKET_LIFE_H
#define QLM_WEBSOCKET_LIFE_H

#include "transport/websocket/websocket.h"

/*
 * Ask for a sign of life behind what was pushed: where not a byte comes within
 * so long, nor what was sent moves on, the connection is dropped.
 */
extern void qlm_websocket_ask(QlmWebSocket *socket, int ms);

/* Where that is still waited for, it is no longer than this. */
extern void qlm_websocket_hurry(QlmWebSocket *socket, int ms);

/* Is it waited for, or was in vain? */
extern bool qlm_websocket_is_silent(const QlmWebSocket *socket);

/* When the last byte came */
extern TimestampTz qlm_websocket_heard_at(const QlmWebSocket *socket);

/*
 * For websocket_set.c: is something too late?  listens: it is read from.  What is
 * found shows in its state.
 */
extern void qlm_websocket_check_times(QlmWebSocket *socket, TimestampTz now,
									  bool listens);

/* ms of silence before a ping */
extern int	qlm_websocket_ping_ms(void);

#endif							/* QLM_WEBSOCKET_LIFE_H */
