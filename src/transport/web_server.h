/*
 * web_server.h
 *		HTTP and WebSockets on the addresses of a node, driven from outside:
 *		complete requests out, answers in.  Knows bytes, not XML, and never
 *		touches the database.
 *
 * A GET that asks for an upgrade comes as a request with wants_socket; who
 * takes it calls qlm_web_server_upgrade, or answers it like any other.  A
 * message on the socket then comes as a request with socket set, its method
 * POST, and path, peer_name and authorization those of the upgrade.  Its answer
 * leaves as one message, in the kind of frame (text, binary) that it came in,
 * and in the order in which the messages came, whenever they are answered; an
 * empty body sends nothing.
 */
#ifndef QLM_WEB_SERVER_H
#define QLM_WEB_SERVER_H

#include "lib/stringinfo.h"

#include "transport/http/http_request.h"

typedef struct QlmWebServer QlmWebServer;

/* Bounds and timeouts are the settings, as they are at the moment. */
extern QlmWebServer *qlm_web_server_create(void);

/*
 * Listen instead of where it listened before; connections stay.  alone: fail
 * where somebody else listens there, even if he would share.  No host at all:
 * listen nowhere.  On failure it listens nowhere, and error says why.
 */
extern bool qlm_web_server_listen(QlmWebServer *server, const char *hosts,
								  int port, bool alone, StringInfo error);
extern const char *qlm_web_server_address(const QlmWebServer *server);

/* A descriptor that is readable when there is something to do */
extern int	qlm_web_server_fd(const QlmWebServer *server);

/* In how many ms it must run even so; -1: not before it is readable */
extern int64 qlm_web_server_due(QlmWebServer *server);

/* Read, write, accept: whatever is possible without waiting. */
extern void qlm_web_server_run(QlmWebServer *server);

/* How many complete requests of HTTP have not been taken. */
extern int	qlm_web_server_waiting(const QlmWebServer *server);

/* The next complete request in order of arrival; NULL: none.  Each that is
 * taken must be answered, and run called after that. */
extern QlmHttpRequest *qlm_web_server_next(QlmWebServer *server);
extern void qlm_web_server_answer(QlmHttpRequest *request,
								  const QlmHttpAnswer *answer);

/* Take a request that wants to become a WebSocket; it is answered by that. */
extern void qlm_web_server_upgrade(QlmHttpRequest *request);

/* May a page of another origin read the answer?  Then a preflight, too. */
extern bool qlm_web_server_is_shared(const QlmHttpRequest *request);

/* ms until the request has taken as long as it may */
extern int	qlm_web_server_time_left(const QlmHttpRequest *request);

/*
 * So many requests were taken and answered in so many us; hung: some took
 * longer than they may.  More than can be run in time are refused early.
 */
extern void qlm_web_server_note_pace(QlmWebServer *server, int n,
									 int64 elapsed, bool hung);

/*
 * Hold a request that was taken, instead of answering it now; keep_body: its
 * body is needed again.  Later it is answered, or put in line again, so that
 * next returns it once more.
 */
extern void qlm_web_server_hold(QlmHttpRequest *request, bool keep_body);
extern void qlm_web_server_requeue(QlmHttpRequest *request);

/*
 * A held request whose client sends no more: most likely it is gone.  Each is
 * returned once; NULL: none.
 */
extern QlmHttpRequest *qlm_web_server_left(QlmWebServer *server);

/*
 * WebSockets with news for their owner, each once per piece of news; NULL: none.
 * The first of a socket is that it is there; where that gives it no owner, there
 * are no others.  ended: the connection is gone, and so is the socket at the
 * next run, or when all its requests have been answered; else it has room
 * again after it had none.
 */
extern struct QlmWebSocket *qlm_web_server_news(QlmWebServer *server, bool *ended);

extern int	qlm_web_server_connections(const QlmWebServer *server);

/*
 * Close all WebSockets, also those that come, as soon as their messages have
 * been answered.
 */
extern void qlm_web_server_end_sockets(QlmWebServer *server);

/* Bytes of answers that have not left completely, those of WebSockets too */
extern Size qlm_web_server_unsent(const QlmWebServer *server);

/* Are there answers that have not left completely, or WebSockets? */
extern bool qlm_web_server_is_sending(const QlmWebServer *server);

/* Close everything.  Every request must have been answered. */
extern void qlm_web_server_destroy(QlmWebServer *server);

#endif							/* QLM_WEB_SERVER_H */
