/*
 * http_connection.h
 *		Connections of the HTTP server, from their first byte to their end, as
 *		libmicrohttpd tells of them.  For http_server.c alone.
 */
#ifndef QLM_HTTP_CONNECTION_H
#define QLM_HTTP_CONNECTION_H

#include "lib/ilist.h"

#include "transport/coding/handshake.h"
#include "transport/http/admission.h"
#include "transport/http/incoming.h"
#include "transport/http/source_set.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

typedef enum QlmHttpPhase
{
	QLM_PHASE_HEAD,				/* is new, or has begun to send its headers */
	QLM_PHASE_IDLE,				/* waits for a further request */
	QLM_PHASE_READING,			/* has its headers */
	QLM_PHASE_READY,			/* complete: in line, or taken */
	QLM_PHASE_HELD,				/* taken, and answered some time */
	QLM_PHASE_ANSWERED,			/* the library is about to ask for the answer */
	QLM_PHASE_SENDING,
	QLM_PHASE_SOCKET			/* handed over */
} QlmHttpPhase;

/* Who takes over the connections that have become WebSockets */
typedef struct QlmHttpUpgrade
{
	void	   *owner;

	/*
	 * early: bytes that have come behind the request.  The descriptor is the
	 * owner's from now on, and what he makes of it takes the place of the guest.
	 * False: no memory.
	 */
	bool		(*take) (void *owner, int fd, const QlmHttpRequest *request,
						 const char *early, Size len, QlmGuest *guest);
} QlmHttpUpgrade;

/* All connections of a server, and what there is to do for them */
typedef struct QlmHttpConnections
{
	MemoryContext context;
	struct MHD_Daemon *daemon;
	unsigned int timeout;		/* of the library, s: cannot be changed */
	QlmSourceSet *sources;
	QlmBodyBudget *budget;
	QlmHttpUpgrade upgrade;
	dlist_head	all;
	int			n;
	dlist_head	ready;			/* those with a complete request */
	QlmAdmission admission;		/* how many those are, and may be */
	int			nreading;		/* whose message has not come completely */
	int			nsending;		/* answered and not yet gone */
	bool		has_answers;	/* that the library has not asked for */
} QlmHttpConnections;

typedef struct QlmHttpConnection
{
	QlmIncoming incoming;		/* first: requests are cast to connections */
	QlmHttpConnections *set;
	struct MHD_Connection *mhd;
	QlmHttpPhase phase;
	TimestampTz since;			/* start of HEAD, IDLE, READING and SENDING */
	QlmGuest	guest;
	bool		has_line;		/* the first line of a request has come */
	int			extra_ms;		/* that SENDING may take, for its size */
	dlist_node	node;			/* in set->all */
	dlist_node	ready_node;		/* in set->ready */
	bool		is_queued;		/* there */
	bool		is_suspended;
	struct MHD_Response *response;
	int			status;
	Size		unsent;			/* of the answer */
	char		socket_key[QLM_KEY_SIZE];	/* of who wants a WebSocket */
} QlmHttpConnection;

/* Start the library; the rest of the struct is filled in. */
extern void qlm_http_connections_start(QlmHttpConnections *set);

extern int	qlm_http_connection_fd(const QlmHttpConnection *c);

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
