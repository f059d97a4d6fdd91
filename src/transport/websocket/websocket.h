/*
 * websocket.h
 *		WebSockets of callers (RFC 6455): messages come in line with HTTP
 *		requests, others can be pushed.  Knows frames, not XML.
 */
#ifndef QLM_WEBSOCKET_H
#define QLM_WEBSOCKET_H

#include "transport/http/http_request.h"
#include "transport/websocket/frame.h"

typedef struct QlmWebSocket QlmWebSocket;
struct QlmWebSocketShared;

/* Of who looks after it; NULL at first */
extern void *qlm_websocket_owner(const QlmWebSocket *socket);
extern void qlm_websocket_set_owner(QlmWebSocket *socket, void *owner);

/* Path, peer_name and authorization of its upgrade, as its messages have them */
extern void qlm_websocket_describe(const QlmWebSocket *socket,
								   QlmHttpRequest *request);

/*
 * Send a message that answers none; the text is copied.  In the kind of frame
 * that came last, text if none has.  False: the socket is closing, or there is
 * no memory.  What is sent leaves in the next run.
 */
extern bool qlm_websocket_push(QlmWebSocket *socket, const char *data, Size len);

/* Has what was sent before mostly left?  Ask before each push. */
extern bool qlm_websocket_has_room(const QlmWebSocket *socket);

/* Say goodbye: what was sent before still leaves. */
extern void qlm_websocket_close(QlmWebSocket *socket, int code,
								const char *reason);

/* For web_server.c: what it says of requests, for those that are messages */
extern void qlm_websocket_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer);
extern void qlm_websocket_hold(QlmHttpRequest *request, bool keep_body);
extern void qlm_websocket_requeue(QlmHttpRequest *request);

/*
 * For websocket_set.c and websocket_life.c alone.
 *
 * One that has come by this request, which is copied, with bytes that have come
 * behind it; NULL: no memory.
 */
extern QlmWebSocket *qlm_websocket_create(struct QlmWebSocketShared *shared,
										  const QlmHttpRequest *request,
										  const char *early, Size len);
extern void qlm_websocket_free(QlmWebSocket *socket);

/* Its connection has ended: nothing of it is needed but what others have. */
extern void qlm_websocket_forget(QlmWebSocket *socket);

/* Look after it in the next run; tell its owner, if it has one, or anybody. */
extern void qlm_websocket_mark(QlmWebSocket *socket);
extern void qlm_websocket_tell(QlmWebSocket *socket, bool anybody);

/* Bytes are there; or look again at what could not go on: false: it has ended */
extern void qlm_websocket_receive(QlmWebSocket *socket);
extern bool qlm_websocket_go_on(QlmWebSocket *socket);
extern bool qlm_websocket_may_read(const QlmWebSocket *socket);

/* Is there too much to be sent? */
extern bool qlm_websocket_is_full(const QlmWebSocket *socket);

/* Put a control frame in line; and send what can be sent without waiting. */
extern void qlm_websocket_send_control(QlmWebSocket *socket, QlmFrameKind kind,
									   const char *payload, Size len);
extern void qlm_websocket_flush(QlmWebSocket *socket);

#endif							/* QLM_WEBSOCKET_H */
