/*
 * http_server.h
 *		HTTP on libmicrohttpd, driven from outside: complete requests out,
 *		responses in.  Knows bytes, not XML, and never touches the database.
 */
#ifndef QLM_HTTP_SERVER_H
#define QLM_HTTP_SERVER_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "base/client.h"
#include "base/forwarded.h"

typedef struct QlmHttpServer QlmHttpServer;
struct QlmWebSocket;

typedef enum QlmHttpMethod
{
	QLM_HTTP_GET,
	QLM_HTTP_HEAD,
	QLM_HTTP_POST,
	QLM_HTTP_OPTIONS,
	QLM_HTTP_OTHER
} QlmHttpMethod;

/* A complete request whose connection is suspended until it is answered. */
typedef struct QlmHttpRequest
{
	QlmHttpMethod method;
	const char *path;			/* decoded up to '?', but %2F and %25 left alone */
	const char *query;			/* behind '?', not decoded, or NULL */
	const char *peer_name;		/* ?peer=NAME, or NULL */
	const char *authorization;	/* header, or NULL */
	const char *content_type;	/* header, or NULL */
	const char *charset;		/* of the content type, or NULL */
	const char *accept;			/* headers, or NULL */
	const char *if_none_match;
	const char *origin;
	const char *host;
	QlmForwarded forwarded;		/* by a proxy that is listed, else empty */
	const char *body;			/* the message: form field already decoded */
	Size		body_len;
	const char *body_problem;	/* why the body holds no message; NULL: it may */
	int			prefer_wait;	/* seconds of Prefer: wait=N; 0: none */
	bool		wants_socket;	/* asks to become a WebSocket */
	bool		acknowledge;	/* there, all messages are to be answered */
	struct QlmWebSocket *socket;	/* that it came on, or NULL */
	QlmClient	client;			/* who sends it */
	bool		is_proxied;		/* or who else, as many may have this address */
	TimestampTz received_at;	/* when it was complete */
	void	   *owner;			/* of who holds it; NULL at first */
	void	   *paused;			/* of who has it wait before it is run */
	bool		has_waited;		/* so it did */
	void	   *errand;			/* of who has it run elsewhere */
	bool		stays;			/* nobody else can run it */
} QlmHttpRequest;

typedef struct QlmHttpHeader
{
	const char *name;			/* NULL ends an array of them */
	const char *value;
} QlmHttpHeader;

typedef struct QlmHttpAnswer
{
	int			status;
	const char *content_type;	/* or NULL */
	const QlmHttpHeader *headers;	/* further ones, or NULL */
	const char *body;			/* copied */
	Size		body_len;
	MemoryContext owner;		/* instead of a copy: the body lives in this one
								 * alone, which is the server's from now on */
} QlmHttpAnswer;

/* Bounds and timeouts are the settings, as they are at the moment. */
extern QlmHttpServer *qlm_http_server_create(void);

/*
 * Listen instead of where it listened before; connections stay.  alone: fail
 * where somebody else listens there, even if he would share.  No host at all:
 * listen nowhere.  On failure it listens nowhere, and error says why.
 */
extern bool qlm_http_server_listen(QlmHttpServer *server, const char *hosts,
								   int port, bool alone, StringInfo error);
extern const char *qlm_http_server_address(const QlmHttpServer *server);

/* A descriptor that is readable when there is something to do */
extern int	qlm_http_server_fd(const QlmHttpServer *server);

/* In how many ms it must run even so; -1: not before it is readable */
extern int64 qlm_http_server_due(QlmHttpServer *server);

/* Read, write, accept: whatever is possible without waiting. */
extern void qlm_http_server_run(QlmHttpServer *server);

/* How many complete requests have not been taken. */
extern int	qlm_http_server_waiting(const QlmHttpServer *server);

/* The next complete request in order of arrival; NULL: none.  Each that is
 * taken must be answered, and run called after that. */
extern QlmHttpRequest *qlm_http_server_next(QlmHttpServer *server);
extern void qlm_http_server_answer(QlmHttpRequest *request,
								   const QlmHttpAnswer *answer);

/* Take a request that wants to become a WebSocket; it is answered by that. */
extern void qlm_http_server_upgrade(QlmHttpRequest *request);

/* May a page of another origin read the answer?  Then a preflight, too. */
extern bool qlm_http_server_is_shared(const QlmHttpRequest *request);

/*
 * So many requests were taken and answered in so many us; hung: some took
 * longer than they may.  More than can be run in time are refused early.
 */
extern void qlm_http_server_note_pace(QlmHttpServer *server, int n,
									  int64 elapsed, bool hung);

/*
 * Hold a request that was taken, instead of answering it now; keep_body: its
 * body is needed again.  Later it is answered, or put in line again, so that
 * next returns it once more.
 */
extern void qlm_http_server_hold(QlmHttpRequest *request, bool keep_body);
extern void qlm_http_server_requeue(QlmHttpRequest *request);

/*
 * A held request whose client sends no more: most likely it is gone.  Each is
 * returned once; NULL: none.
 */
extern QlmHttpRequest *qlm_http_server_left(QlmHttpServer *server);

extern int	qlm_http_server_connections(const QlmHttpServer *server);

/*
 * Close all WebSockets, also those that come, as soon as their messages have
 * been answered.
 */
extern void qlm_http_server_end_sockets(QlmHttpServer *server);

/* Bytes of answers that have not left completely, those of WebSockets too */
extern Size qlm_http_server_unsent(const QlmHttpServer *server);

/* Are there answers that have not left completely, or WebSockets? */
extern bool qlm_http_server_is_sending(const QlmHttpServer *server);

/* Close everything.  Every request must have been answered. */
extern void qlm_http_server_destroy(QlmHttpServer *server);

#endif							/* QLM_HTTP_SERVER_H */
