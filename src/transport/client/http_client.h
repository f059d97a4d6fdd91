/*
 * http_client.h
 *		HTTP requests on libcurl, driven from outside: transfers in, answers
 *		out.  Knows bytes, not XML, and never touches the database.
 */
#ifndef QLM_HTTP_CLIENT_H
#define QLM_HTTP_CLIENT_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

struct sockaddr;

typedef struct QlmHttpClient QlmHttpClient;

/* How far a request got; where a proxy is between, the first two are its */
typedef enum QlmReach
{
	QLM_REACH_NOTHING,
	QLM_REACH_NAME,				/* has an address */
	QLM_REACH_CONNECTION,
	QLM_REACH_PROXY,			/* lets it through: where there is one */
	QLM_REACH_TLS,				/* where the URL is https */
	QLM_REACH_SENT,				/* some of it, and nothing has come back */
	QLM_REACH_ANSWER
} QlmReach;

/*
 * A POST, or a message that is pushed on a WebSocket where the URL begins with ws
 * or wss: then form, json and prefer_wait say nothing, and there is no answer
 * but status 200, once the other end has it.  The caller owns it and what it
 * points to until it is finished.
 */
typedef struct QlmTransfer
{
	/* What is sent */
	const char *url;
	const char *body;
	Size		body_len;
	bool		form;			/* as form field msg, else as text/xml */
	bool		json;			/* instead as application/json */
	const char *authorization;	/* header value; NULL: none */
	int			prefer_wait;	/* seconds, header Prefer: wait=N; 0: none */
	int			timeout_ms;		/* for all of it */
	int			connect_ms;		/* of it, to connect; 0: as usual */
	int			silence_ms;		/* longest without a byte; 0: as timeout_ms */
	int			idle_s;			/* a connection that was idle for longer is not
								 * used again; 0: as usual */
	bool		harmless;		/* nothing happens twice if it arrives twice */
	const char *proxy;			/* its URL; NULL or empty: none */
	bool		proxy_for_all;	/* of it, whatever qlm.no_proxy says */
	bool		redirects;		/* statuses 307 and 308 are followed */
	bool		any_address;	/* configured by an administrator: no check */
	bool		of_peer;		/* for the check: a peer asked for it */
	void	   *owner;			/* the caller's */

	/* What came of it */
	int			status;			/* 0: no answer */
	StringInfoData answer;		/* body, within qlm.max_message_size; the
								 * caller's to free, from start on */
	char		error[256];		/* why there is no answer, or it is cut */
	bool		forbidden;		/* the address is not allowed */
	bool		timed_out;		/* it was sent, and nothing came for too long */
	bool		stale;			/* sent on a connection used before, which just ended */
	int			retry_after;	/* seconds that a 429 or 503 asks for; 0: not said */
	QlmReach	reach;
	int			name_us;		/* until the name had an address, and from then */
	int			connect_us;		/* until there was a connection */
	char		address[64];	/* and port that it was connected to; or empty */
	char		through[256];	/* the proxy that it went through, without secrets;
								 * or empty */
	char		location[256];	/* where a redirect leads, without secrets */
	bool		sent;			/* some of the body has left */
	int			waited;			/* seconds that it says to have held it for; 0: not said */
	char		server[64];		/* who it says to be, of the header Server; or empty */
} QlmTransfer;

/*
 * May a callback go to this address?  Asked for the address that is connected
 * to, after name resolution, inside the library: it must not raise an error.
 * NULL where a proxy resolves the name: then the host alone decides.  host is
 * that of the URL, without brackets; of_peer that of the transfer.
 */
typedef bool (*QlmAddressCheck) (const struct sockaddr *address,
								 const char *host, bool of_peer);

/* Answers are allocated in the current context. */
extern QlmHttpClient *qlm_http_client_create(QlmAddressCheck allowed);
extern int	qlm_http_client_fd(const QlmHttpClient *client);
extern void qlm_http_client_start(QlmHttpClient *client, QlmTransfer *transfer);

extern void qlm_http_client_free(QlmHttpClient *client);

/* Forget a transfer that next has not returned; nothing if there is none. */
extern void qlm_http_client_cancel(QlmHttpClient *client, QlmTransfer *transfer);

/* Do what can be done without waiting. */
extern void qlm_http_client_run(QlmHttpClient *client);

/* A finished transfer, NULL: none */
extern QlmTransfer *qlm_http_client_next(QlmHttpClient *client);

/* URLs of WebSockets that have nothing to push and had nothing for so long */
extern List *qlm_http_client_idle_sockets(const QlmHttpClient *client, int ms);
extern void qlm_http_client_close_sockets(QlmHttpClient *client, const List *urls);

/* Milliseconds until it must run again even if nothing happens; -1: never */
extern int64 qlm_http_client_due(const QlmHttpClient *client);
extern int	qlm_http_client_running(const QlmHttpClient *client);

#endif							/* QLM_HTTP_CLIENT_H */
