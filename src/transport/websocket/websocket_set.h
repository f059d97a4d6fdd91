/*
 * websocket_set.h
 *		The WebSockets of callers, all together, for web_server.c alone.
 *
 * Nothing here raises an error once the set is created.
 */
#ifndef QLM_WEBSOCKET_SET_H
#define QLM_WEBSOCKET_SET_H

#include "transport/http/source_set.h"
#include "transport/websocket/websocket.h"

typedef struct QlmWebSocketSet QlmWebSocketSet;

extern QlmWebSocketSet *qlm_websocket_set_create(MemoryContext context,
												 QlmSourceSet *sources,
												 QlmBodyBudget *budget);

/* A descriptor that is readable when there is something to do */
extern int	qlm_websocket_set_fd(const QlmWebSocketSet *set);
extern int64 qlm_websocket_set_due(const QlmWebSocketSet *set);
extern void qlm_websocket_set_run(QlmWebSocketSet *set);

/*
 * A connection has become a socket, and the descriptor the set's; early: bytes
 * that have come already.  The request is what it came by, and copied; the
 * socket takes the place of the guest.  False: no memory.
 */
extern bool qlm_websocket_set_add(QlmWebSocketSet *set, int fd,
								  const QlmHttpRequest *request,
								  const char *early, Size len, QlmGuest *guest);

/* Say goodbye to all, and to all who come. */
extern void qlm_websocket_set_end(QlmWebSocketSet *set);
extern int	qlm_websocket_set_count(const QlmWebSocketSet *set);

/* Close what is left, without a word. */
extern void qlm_websocket_set_destroy(QlmWebSocketSet *set);

/* When the first message in line came; DT_NOEND: there is none */
extern TimestampTz qlm_websocket_set_first(const QlmWebSocketSet *set);

/* As those of web_server.h, for messages */
extern QlmHttpRequest *qlm_websocket_set_next(QlmWebSocketSet *set);
extern QlmHttpRequest *qlm_websocket_set_left(QlmWebSocketSet *set);
extern QlmWebSocket *qlm_websocket_set_news(QlmWebSocketSet *set, bool *ended);

#endif							/* QLM_WEBSOCKET_SET_H */
