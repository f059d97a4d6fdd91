/*
 * endpoint.h
 *		Endpoints: where rows of the outbox are posted, and their state.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_ENDPOINT_H
#define QLM_STORAGE_ENDPOINT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * Where outbox rows are posted: one at a time and in order, each on its own.
 * It is a URL together with the peer that the rows are of.  What others have
 * sent to the same URL has its own order and pauses, and is given nothing of
 * what the peer's own rows are given.
 */
typedef struct QlmEndpoint
{
	char	   *url;
	int			peer_id;		/* 0: of all who are no peers */
	bool		is_own;			/* the URL is that peer's; else a callback */
	char	   *authorization;	/* header value for the peer; NULL: none */
	char	   *proxy;			/* what the peer says: URL to go through; empty:
								 * none, NULL: nothing */
	bool		redirects;		/* 307 and 308 are followed */
	int			hold;			/* seconds of silence that the way is known to
								 * let pass; 0: not known */
	char	   *asker;			/* who has what is next sent there: a peer or
								 * a role, told apart; empty: this node */
	bool		form;			/* it takes form field msg, as callbacks do */
	bool		is_proven;		/* it has answered, or is a peer's */
	bool		is_lasting;		/* it is a peer's, or a subscription's */
	int			failures;		/* in a row */
} QlmEndpoint;

/* The peer at the other end; 0: a callback */
#define qlm_endpoint_peer(endpoint) ((endpoint)->is_own ? (endpoint)->peer_id : 0)

/* What tells it from others */
extern char *qlm_endpoint_key(const QlmEndpoint *endpoint);

extern QlmEndpoint *qlm_endpoint_copy(const QlmEndpoint *endpoint);

/*
 * Fill in what the peer of the endpoint says of it now.  False: the peer is
 * gone, so nothing may be posted there.
 */
extern bool qlm_endpoint_look_up(QlmEndpoint *endpoint);

/* So many callbacks were answered by web pages, whose last begins so. */
extern void qlm_endpoint_pages(const QlmEndpoint *endpoint, int n, const char *words);

/*
 * Which of these callbacks does no subscription name, and nothing wait for?
 * (Lists of char *)
 */
extern List *qlm_endpoint_unwanted(List *urls);

/*
 * Those below expect the owner's rights.
 */

/* Pauses vary by this part of them in both directions. */
#define QLM_PAUSE_JITTER 0.25

/*
 * The header value: a bare secret is shown as a token; otherwise it is the
 * whole of it.
 */
extern char *qlm_endpoint_authorization(char *secret);

/* What the peer says of it, of a row whose first columns are that */
extern void qlm_endpoint_read_peer(QlmEndpoint *endpoint, uint64 row);

/* The peer, called at its URL, has failed. */
extern void qlm_endpoint_peer_failed(int peer_id, const char *reason);

/* So many rows have arrived. */
extern void qlm_endpoint_delivered(const QlmEndpoint *endpoint, int n);

/*
 * So many rows were refused, by the endpoint or before they got there; no
 * pause.  The first time in a row it is logged.
 */
extern void qlm_endpoint_refused(const QlmEndpoint *endpoint,
								 const char *reason, int n);

/*
 * A row has not arrived; returns until when the endpoint pauses, for
 * retry_after seconds if that is longer than it would.  once_more: not at all if
 * it is the first that fails.
 */
extern TimestampTz qlm_endpoint_failed(const QlmEndpoint *endpoint,
									   const char *reason, int retry_after,
									   bool once_more);

/*
 * Delete up to max rows of endpoints that nobody uses, the oldest, where there
 * are many.
 */
extern int	qlm_endpoint_trim(int max);

#endif							/* QLM_STORAGE_ENDPOINT_H */
