/*
 * websocket.h
 *		WebSockets of an HTTP server (RFC 6455): messages come in line with
 *		HTTP requests, others can be pushed.  Knows frames, not XML.
 *
 * A GET that asks for an upgrade comes as a request with wants_socket; who
 * takes it calls qlm_http_server_upgrade, or answers it like any other.  A
 * message on the socket then comes as a QlmHttpRequest with socket set, its
 * method POST, and path, peer_name and authorization those of the upgrade.
 * Its answer leaves as one message, in the kind of frame (text, binary) that
 * it came in, and in the order in which the messages came, whenever they are
 * answered; an empty body sends nothing.  What is sent leaves in the next run.
 */
#ifndef QLM_WEBSOCKET_H
#define QLM_WEBSOCKET_H

#include "transport/http/http_server.h"

typedef struct QlmWebSocket QlmWebSocket;

/* Never used twice in a process */
extern uint64 qlm_websocket_id(const QlmWebSocket *socket);

/* Of who looks after it; NULL at first */
extern void *qlm_websocket_owner(const QlmWebSocket *socket);
extern void qlm_websocket_set_owner(QlmWebSocket *socket, void *owner);

/* Path, peer_name and authorization of its upgrade, as its messages have them */
extern void qlm_websocket_describe(const QlmWebSocket *socket,
								   QlmHttpRequest *request);

/*
 * Send a message that answers none; the text is copied.  In the kind of frame
 * that came last, text if none has.  False: the socket is closing, or there is
 * no memory.
 */
extern bool qlm_websocket_push(QlmWebSocket *socket, const char *data, Size len);

/* Has what was sent before mostly left?  Ask before each push. */
extern bool qlm_websocket_has_room(const QlmWebSocket *socket);

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

/* Say goodbye: what was sent before still leaves. */
extern void qlm_websocket_close(QlmWebSocket *socket, int code,
								const char *reason);

/*
 * Sockets with news for their owner, each once per piece of news; NULL: none.
 * The first of a socket is that it is there; where that gives it no owner, there
 * are no others.  ended: the connection is gone, and so is the socket at the
 * next run, or when all its requests have been answered; else it has room
 * again after it had none.
 */
extern QlmWebSocket *qlm_http_server_socket_news(QlmHttpServer *server,
												 bool *ended);

#endif							/* QLM_WEBSOCKET_H */
