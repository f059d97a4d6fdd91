/*
 * outbox.h
 *		The queue of messages that must leave, and what became of them.
 *
 * Works on tables that callers have no rights on: every function here becomes
 * the owner for as long as it runs.
 */
#ifndef QLM_STORAGE_OUTBOX_H
#define QLM_STORAGE_OUTBOX_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* What this transaction did that others wait for; process/wake.c sends it. */
#define QLM_WAKE_OUTBOX		1	/* something must leave */
#define QLM_WAKE_ANSWER		2	/* something has ended */
#define QLM_WAKE_BUFFER		4	/* values wait to be polled */
#define QLM_WAKE_PUSH		8	/* something waits for a WebSocket */
#define QLM_WAKE_ROLE		16	/* a role has another name, or none; in all databases */
extern int	qlm_wake_pending;

/* last_error of a message that has expired */
#define QLM_OUTBOX_TTL_ENDED "time to live ended"

/*
 * A fresh number for a subscription or a message.  Whoever knows it may poll and
 * cancel, where callers have no credentials: so it cannot be guessed.  It is
 * below 2^53, as many readers hold numbers as floating-point ones.  is_small:
 * below 2^31, for the smallest readers, where only one connection or peer may use
 * it.
 */
extern int64 qlm_outbox_new_id(bool is_small);

/* Random numbers like that, not compared with any others */
extern void qlm_outbox_random_ids(int64 *ids, int n, bool is_small);

typedef struct QlmMessage
{
	int64		message_id;		/* 0 on input: give it one */
	int			peer_id;		/* whose it is; 0: nobody's, by url alone */
	const char *peer;			/* its name, for people */
	const char *url;			/* NULL: waits for the peer to call */
	bool		is_response;	/* data for a callback; else a request */
	bool		is_data;		/* claimed: a response that is no mere answer */
	const char *envelope;
	int			priority;
	int64		subscription_id;	/* 0: none */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND: never */
	int			attempts;
	int64		dropped;		/* it says that so many were, before it */

	/* Who asked for it, or subscribed to it, and may ask for its answer */
	Oid			asker_role;		/* InvalidOid: nobody */
	int			asker_peer_id;	/* 0: no peer */
	const char *asker_peer;
	const char *node;			/* as the asker called it */
	int64		awaited_by;		/* what is to be told how it ended; 0: nothing */
} QlmMessage;

/* An error for a URL that is too long to be kept */
extern void qlm_outbox_check_url(const char *url);

extern int64 qlm_outbox_add(const QlmMessage *message);

/* Data of subscriptions for their callbacks, all at once */
extern void qlm_outbox_add_data(const QlmMessage *messages, int n);

/* Something was queued: tell, at commit, whom it concerns. */
extern void qlm_outbox_note(const QlmMessage *message);

/*
 * Which of these peers have something due?  Sets due[i]; one cheap query.
 */
extern void qlm_outbox_due(const int *peer_ids, int n, bool *due);

/*
 * Take what is due for a peer, in order, at most so many: marks it sent, to
 * be sent again after qlm.retry_delay if no answer comes.  A message whose ttl
 * has ended becomes expired instead.  outstanding_max: how many may be
 * unanswered at once; those that are sent and not due again count.
 * Messages of kind response are done when they have been sent; where data are
 * acknowledged they are not, and until then none leave after them.  What has a
 * url of its own leaves so only while that endpoint is paused.  rarely: what
 * stays unanswered is due again later and later.
 */
extern List *qlm_outbox_claim(int peer_id, int max, int outstanding_max,
							  bool rarely, bool acknowledged);

/* The peer has connected anew: what it may have missed is due again soon. */
extern void qlm_outbox_reconnected(int peer_id);

/*
 * These were pushed, the last at that time, on a connection that shows no life:
 * they are due again, as far as nobody has answered them meanwhile.
 */
extern void qlm_outbox_return(const int64 *message_ids, int n,
							  TimestampTz pushed_at);

/* Undo the claim of one that did not fit into the response. */
extern void qlm_outbox_unclaim(int64 message_id);

/* It cannot leave, ever. */
extern void qlm_outbox_fail(int64 message_id, const char *reason);

/* What a peer has answered */
typedef struct QlmAnswer
{
	int			return_code;
	const char *text;			/* an envelope */
	const char *refusal;		/* why that is no success; NULL: it is */
	bool		(*fits) (const char *envelope, void *arg);	/* to this message? */
	bool		(*is_later) (const char *envelope, void *arg);	/* of this one? */
	void	   *arg;
} QlmAnswer;

/*
 * An answer came from a peer.  By id: only if the message is that peer's.
 * Without id (0): the only one outstanding, else the oldest one sent that it
 * fits.  Returns the message's id, 0 if
 * there is none.  A repeated answer changes nothing and returns the id.  Where
 * it says "not now" the message waits to be sent again, more and more rarely.
 * forwarded: the message was sent on for somebody else.  data: it was data
 * for a callback, which the peer has acknowledged.
 */
extern int64 qlm_outbox_answer(int peer_id, int64 message_id,
							   const QlmAnswer *answer,
							   bool *forwarded, bool *data);

/*
 * This transaction has recorded its answer, but may not store what that brought:
 * it is answered with this code.
 */
extern void qlm_outbox_not_stored(int peer_id, int64 message_id, int code,
								  const char *why);

typedef struct QlmOutcome
{
	bool		found;
	bool		final;			/* answered, failed, expired, cancelled */
	bool		own;			/* queued by this very transaction */
	bool		own_block;		/* and undone by whatever undoes what follows */
	int64		sent_as;		/* cancelled, since it left under this id; 0 */
	const char *state;
	const char *answer;
	const char *error;
	Oid			asker_role;		/* as those of QlmMessage */
	int			asker_peer_id;
	const char *node;
} QlmOutcome;

/* What became of each message that is awaited by this, in their order */
typedef struct QlmAwaitedMessage
{
	int64		message_id;
	QlmOutcome	outcome;
} QlmAwaitedMessage;

extern List *qlm_outbox_awaited(int64 awaited_by);

/* It has been told of this message, or (0) of all that it awaited. */
extern void qlm_outbox_told(int64 awaited_by, int64 message_id);

/*
 * Look at a message as it is now, whatever the transaction's isolation; one
 * whose ttl has ended counts as expired.
 */
extern bool qlm_outbox_outcome(int64 message_id, QlmOutcome *outcome);

/* A request that is queued, as it was; false: there is none with this id. */
extern bool qlm_outbox_fetch(int64 message_id, QlmMessage *message);

/* It has left under another id: cancel it, and say so. */
extern void qlm_outbox_sent_as(int64 message_id, int64 other_id);

/* Which of these have not ended yet?  Sets pending[i]. */
extern void qlm_outbox_pending(const int64 *message_ids, int n, bool *pending);

/*
 * Queue a failed, expired or cancelled message again; its ttl starts anew.  An
 * error for one whose peer is gone.
 */
extern bool qlm_outbox_requeue(int64 message_id);

/* Mark at most max messages whose ttl has ended; returns how many. */
extern int	qlm_outbox_expire(int max);

#endif							/* QLM_STORAGE_OUTBOX_H */
