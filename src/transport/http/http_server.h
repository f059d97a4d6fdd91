/*
 * http_server.h
 *		HTTP on libmicrohttpd, driven from outside: complete requests out,
 *		answers in.  For web_server.c alone, which has WebSockets as well.
 */
#ifndef QLM_HTTP_SERVER_H
#define QLM_HTTP_SERVER_H

#include "lib/stringinfo.h"

#include "transport/http/http_connection.h"
#include "transport/http/http_request.h"

typedef struct QlmHttpServer QlmHttpServer;

/* What the server lives in; all of it is the owner's. */
typedef struct QlmHttpOwner
{
	MemoryContext context;
	int			epoll;			/* its descriptors are put in there */
	QlmSourceSet *sources;
	QlmBodyBudget *budget;
	QlmHttpUpgrade upgrade;
} QlmHttpOwner;

extern QlmHttpServer *qlm_http_server_create(const QlmHttpOwner *owner);

/* As those of web_server.h, for connections that are no WebSockets */
extern bool qlm_http_server_listen(QlmHttpServer *server, const char *hosts,
								   int port, bool alone, StringInfo error);
extern const char *qlm_http_server_address(const QlmHttpServer *server);
extern int64 qlm_http_server_due(QlmHttpServer *server);
extern void qlm_http_server_run(QlmHttpServer *server);
extern int	qlm_http_server_waiting(const QlmHttpServer *server);
extern QlmHttpRequest *qlm_http_server_next(QlmHttpServer *server);
extern void qlm_http_server_answer(QlmHttpRequest *request,
								   const QlmHttpAnswer *answer);
extern void qlm_http_server_upgrade(QlmHttpRequest *request);
extern bool qlm_http_server_is_shared(const QlmHttpRequest *request);
extern void qlm_http_server_note_pace(QlmHttpServer *server, int n,
									  int64 elapsed, bool hung);
extern void qlm_http_server_hold(QlmHttpRequest *request, bool keep_body);
extern void qlm_http_server_requeue(QlmHttpRequest *request);
extern QlmHttpRequest *qlm_http_server_left(QlmHttpServer *server);
extern int	qlm_http_server_connections(const QlmHttpServer *server);
extern bool qlm_http_server_is_sending(const QlmHttpServer *server);
extern void qlm_http_server_destroy(QlmHttpServer *server);

/* When the first request in line came; DT_NOEND: there is none */
extern TimestampTz qlm_http_server_first(const QlmHttpServer *server);

#endif							/* QLM_HTTP_SERVER_H */
