/*
 * lease.h
 *		What the dispatcher takes from the outbox and records there, how each
 *		endpoint fares, and which nested requests have been answered.
 *
 * As outbox.h: becomes the owner inside.  Claim, transfer, record: no
 * transaction is open while bytes travel, so a claim is a lease, after which
 * the message is due again if nothing was recorded.
 */
#ifndef QLM_STORAGE_LEASE_H
#define QLM_STORAGE_LEASE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/outbox/outbox.h"
#include "storage/peer/peer.h"

/*
 * Where messages are posted: one at a time and in order, each on its own.  It
 * is a URL together with the peer whose messages go there: what others have
 * sent there has its own order and pauses, and nothing of what the peer's own
 * messages are given.
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

/*
 * Endpoints that have something due and are not paused; busy: keys of those that
 * are being served (char *).  Due are messages with a url, and those without one
 * for a peer that has a url.  Those that have answered come before those that
 * nobody knows, and these before those that failed; among them those of each
 * asker and host in turn, and of one those that waited longest first.
 *
 * It looks at each URL of the queue.  until: the number up to which messages
 * have been seen.
 */
extern List *qlm_endpoint_due(List *busy, int max, int64 *until);

/*
 * The same, looking only at what was queued after that number, and at no more
 * than max messages.  What a transaction numbered before and committed later is
 * missed.
 */
extern List *qlm_endpoint_due_since(List *busy, int max, int64 after);

/*
 * Lease the next messages for an endpoint, in order (List of QlmOutboxRow *,
 * with is_response and subscription_id).  Those whose ttl has ended become
 * expired instead.
 */
extern List *qlm_lease_begin(const QlmEndpoint *endpoint, int max,
							 int lease_ms);

/* It was delivered: a response is done, a request has its answer if given. */
extern void qlm_lease_answered(const QlmEndpoint *endpoint, int64 message_id,
							   int return_code, const char *answer);

/* The same for many responses at once, which is cheaper (List of int64 *). */
extern void qlm_lease_accepted(const QlmEndpoint *endpoint, List *message_ids);

/*
 * They were not: give these messages of the claim back, count the failure and
 * pause the endpoint with growing delay and jitter between qlm.retry_delay and
 * qlm.retry_max_delay, and for retry_after seconds where that is between them.
 * once_more: the first one to fail is tried again at once.
 * tried: those that have left (Lists of int64 *).
 */
extern void qlm_lease_failed(const QlmEndpoint *endpoint, List *message_ids,
							 List *tried, const char *reason, int retry_after,
								bool once_more);

/* Requests without an answer, while one behind them had one: they leave again, later and later. */
extern void qlm_lease_passed(List *message_ids, List *tried, const char *reason);

/*
 * Refused for good: they are failed, and the endpoint is not paused.  What a
 * subscription misses by that counts as dropped.
 */
extern void qlm_lease_refused(const QlmEndpoint *endpoint, List *message_ids,
							  const char *reason);

/* So many callbacks were answered by web pages, whose last begins so. */
extern void qlm_endpoint_pages(const QlmEndpoint *endpoint, int n, const char *words);

/* Count what subscriptions miss that somebody else had in hand. */
extern void qlm_missed_count_now(void);

/* Give leased messages back as if they had never left (List of int64 *). */
extern void qlm_lease_release(List *message_ids);

/*
 * Which of these callbacks does no subscription name, and nothing wait for?
 * (Lists of char *)
 */
extern List *qlm_endpoint_unwanted(List *urls);

/* A dispatcher begins: whatever an earlier one has leased is due again. */
extern void qlm_lease_recover(void);

/*
 * When must the dispatcher look again at the latest?  DT_NOEND: no reason.
 * to_take_up: is there a forwarded subscription or a collection to go on with?
 */
extern TimestampTz qlm_next_due(bool *to_take_up);

/* Peers with a url and a heartbeat */
typedef struct QlmHeartbeat
{
	int			peer_id;
	char	   *url;
	char	   *dialect;		/* text form; NULL: not said */
	char	   *authorization;	/* header value to send; NULL: none */
	char	   *proxy;			/* URL to go through; empty: none, NULL: not said */
	bool		proxy_for_all;	/* the peer says it, whatever qlm.no_proxy does */
	bool		redirects;		/* 307 and 308 are followed */
	bool		form;			/* it takes form field msg only */
	double		seconds;
	int			hold;			/* seconds that calls are held for; 0: not known */
	int			hold_cut_ms;	/* after which the way cut one last; 0: never */
} QlmHeartbeat;

extern List *qlm_heartbeat_peers(void);
extern void qlm_heartbeat_peer_done(int peer_id, const char *error);

/*
 * Requests of a peer that were executed: the answer that was given to what was
 * asked for (service/road/content.h) under this id, NULL if it is new.  Kept for ten
 * minutes, across restarts.
 */
#define QLM_REMEMBERED_FOR (10 * USECS_PER_MINUTE)

extern char *qlm_executed_answer(const QlmPeer *peer, const char *id,
								 const char *content);
extern void qlm_executed_remember(const QlmPeer *peer, const char *id,
								  const char *content, const char *answer);

/* Subscriptions with interval and callback whose next tick is due */
typedef struct QlmTick
{
	int64		request_id;
	TimestampTz due;
} QlmTick;

extern List *qlm_tick_due(int max);

/*
 * The tick was served: next_due moves on along the grid of the subscription's
 * start to after now; of messages of this subscription that have not left yet
 * only the newest stays, the others are dropped and counted.
 */
extern void qlm_tick_done(int64 request_id);

/*
 * How many messages were dropped since this was asked last?  For the message
 * that is about to be queued, which says it and carries it as dropped.  What
 * an interval subscription has queued gives way to that message at once.
 */
extern int64 qlm_dropped_take(int64 request_id);

/* Which of these have something that must be taken so?  Sets some[i]. */
extern void qlm_dropped_any(const int64 *request_ids, int n,
							bool *some);

/* Of each of these one was dropped, since its caller has too much queued. */
extern void qlm_dropped_add(const int64 *request_ids, int n);

/*
 * Small steps of housekeeping: remembered ids, finished messages beyond the
 * newest 100,000 requests and as many others, messages of a subscription
 * beyond qlm.poll_buffer_max, endpoints that nobody uses.  Returns how many
 * went.
 */
extern int	qlm_outbox_trim(int max);

#endif							/* QLM_STORAGE_LEASE_H */
