/*
 * http_connection.h
 *		A connection of the HTTP server, for http_server.c alone.
 */
#ifndef QLM_HTTP_CONNECTION_H
#define QLM_HTTP_CONNECTION_H

#include "lib/ilist.h"

#include "transport/http/http_server.h"
#include "transport/http/incoming.h"
#include "transport/http/listen.h"
#include "transport/http/queue.h"
#include "transport/http/source_set.h"
#include "transport/websocket/handshake.h"
#include "transport/websocket/socket_set.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

typedef enum QlmHttpPhase
{
	QLM_PHASE_HEAD,				/* is new, or has begun to send its headers */
	QLM_PHASE_IDLE,				/* waits for a further request */
	QLM_PHASE_READING,			/* has its headers */
	QLM_PHASE_READY,			/* complete: in the queue, or taken */
	QLM_PHASE_HELD,				/* taken, and answered some time */
	QLM_PHASE_ANSWERED,			/* the library is about to ask for the answer */
	QLM_PHASE_SENDING,
	QLM_PHASE_SOCKET			/* handed over */
} QlmHttpPhase;

typedef struct QlmHttpConnection
{
	QlmIncoming incoming;		/* first: requests are cast to connections */
	QlmHttpServer *server;
	struct MHD_Connection *mhd;
	QlmHttpPhase phase;
	TimestampTz since;			/* start of HEAD, IDLE, READING and SENDING */
	QlmGuest	guest;
	bool		has_line;		/* the first line of a request has come */
	int			extra_ms;		/* that SENDING may take, for its size */
	dlist_node	node;			/* in server->connections */
	dlist_node	queue_node;		/* in server->ready */
	bool		is_queued;
	bool		is_suspended;
	struct MHD_Response *response;
	int			status;
	Size		unsent;			/* of the answer */
	char		socket_key[QLM_KEY_SIZE];	/* of who wants a WebSocket */
} QlmHttpConnection;

struct QlmHttpServer
{
	MemoryContext context;
	struct MHD_Daemon *daemon;
	int			epoll;			/* holds the library's and the listening ones */
	int			held;			/* in it: a set of the connections held */
	QlmListener listener;
	QlmSocketSet *sockets;
	QlmSourceSet *sources;
	dlist_head	connections;
	int			nconnections;
	dlist_head	ready;
	QlmQueue	queue;			/* how many those are, and may be */
	QlmBudget	budget;
	int			nreading;		/* whose message has not come completely */
	int			nsending;		/* answered and not yet gone */
	Size		unsent;			/* bytes of these */
	bool		has_answers;	/* that the library has not asked for */
	TimestampTz next_sweep;
	TimestampTz last_run;
	unsigned int timeout;		/* of the library, s: cannot be changed */
};

/* Start the library, whose connections are the server's. */
extern void qlm_http_connection_start_daemon(QlmHttpServer *server);

extern int	qlm_http_connection_socket(const QlmHttpConnection *c);

/* Has it sent what the library has not read yet? */
extern bool qlm_http_connection_has_unread(const QlmHttpConnection *c);

/* Put a complete request in line, or take it from there. */
extern void qlm_http_connection_queue(QlmHttpConnection *c);
extern void qlm_http_connection_unqueue(QlmHttpConnection *c);

/* The library is to leave it alone, until it is to ask for the answer. */
extern void qlm_http_connection_suspend(QlmHttpConnection *c);
extern void qlm_http_connection_resume(QlmHttpConnection *c);

/* Has the request waited for so long that the library might end it soon? */
extern bool qlm_http_connection_is_old(const QlmHttpConnection *c);

/* The answer that makes it a WebSocket; NULL closes it. */
extern struct MHD_Response *qlm_http_connection_upgrade(QlmHttpConnection *c);

#endif							/* QLM_HTTP_CONNECTION_H */
