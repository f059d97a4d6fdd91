/*
 * transfer.h
 *		What is sent to another node by HTTP or on a WebSocket, and what came of
 *		it: bytes and headers, whatever they mean.  Nothing here raises an error
 *		but where that is said.
 */
#ifndef QLM_TRANSFER_H
#define QLM_TRANSFER_H

#include "lib/stringinfo.h"

struct sockaddr;

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

/* Forget what came of it before.  The answer is in this context; may raise an error. */
extern void qlm_transfer_begin(QlmTransfer *transfer, MemoryContext context);

/*
 * Append to an answer what qlm.max_message_size leaves room for.  Returns the
 * number of bytes taken, or -1 where there is no memory.
 */
extern int64 qlm_transfer_collect(MemoryContext context, StringInfo answer,
								  const char *data, Size len);

/*
 * Copy what another end or the library has said, as it may be shown: ASCII text,
 * with three stars for what stands before "@" in URLs.
 */
extern void qlm_transfer_copy(char *to, const char *text, Size size);

/* An error is such text. */
extern void qlm_transfer_set_error(QlmTransfer *transfer, const char *text);

#endif							/* QLM_TRANSFER_H */
