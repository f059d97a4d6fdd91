/*
 * socket_set.h
 *		The WebSockets of an HTTP server, as the server sees them.
 *
 * Nothing here raises an error once the set is created.
 */
#ifndef QLM_SOCKET_SET_H
#define QLM_SOCKET_SET_H

#include "transport/http/source_set.h"
#include "transport/websocket/websocket.h"

typedef struct QlmSocketSet QlmSocketSet;

extern QlmSocketSet *qlm_socket_set_create(MemoryContext context,
										   QlmSourceSet *sources,
										   QlmBudget *budget);

/* A descriptor that is readable when there is something to do */
extern int	qlm_socket_set_fd(const QlmSocketSet *set);
extern int64 qlm_socket_set_due(const QlmSocketSet *set);
extern void qlm_socket_set_run(QlmSocketSet *set);

/*
 * A connection has become a socket, and the descriptor the set's; early: bytes
 * that have come already.  The request is what it came by, and copied; the
 * socket takes the place of the guest.  False: no memory.
 */
extern bool qlm_socket_set_add(QlmSocketSet *set, int fd,
							   const QlmHttpRequest *request,
							   const char *early, Size len, QlmGuest *guest);

/* Say goodbye to all, and to all who come. */
extern void qlm_socket_set_end(QlmSocketSet *set);
extern int	qlm_socket_set_count(const QlmSocketSet *set);

/* Close what is left, without a word. */
extern void qlm_socket_set_destroy(QlmSocketSet *set);

/* When the first message in line came; DT_NOEND: there is none */
extern TimestampTz qlm_socket_set_first(const QlmSocketSet *set);

/* What http_server.h says of requests, for those that are messages */
extern QlmHttpRequest *qlm_socket_set_next(QlmSocketSet *set);
/* Bytes of messages that have not left */
extern Size qlm_socket_set_unsent(const QlmSocketSet *set);

extern void qlm_socket_answer(QlmHttpRequest *request, const QlmHttpAnswer *answer);
extern void qlm_socket_hold(QlmHttpRequest *request, bool keep_body);
extern void qlm_socket_requeue(QlmHttpRequest *request);
extern QlmHttpRequest *qlm_socket_set_left(QlmSocketSet *set);

extern QlmWebSocket *qlm_socket_set_news(QlmSocketSet *set, bool *ended);

#endif							/* QLM_SOCKET_SET_H */
