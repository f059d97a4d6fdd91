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
#define QLM_WAKE_ENDED		32	/* what has been claimed may have ended */
extern int	qlm_wake_pending;

/* last_error of a message that has expired: a part of a statement that may change it */
#define QLM_SAY_EXPIRED(row) \
	"'time to live ended' || CASE WHEN " row ".kind = 'request' THEN COALESCE(': ' ||" \
	" (SELECT s.waits_for FROM qlm.stat_outbox s WHERE s.message_id = " row ".message_id), '')" \
	" ELSE '' END"

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

/* Does a request keep its place, so that it neither passes others nor is passed? */
typedef enum QlmOrder
{
	QLM_ORDER_OF_PEER,			/* as the peer's row says */
	QLM_IN_ORDER,
	QLM_ANY_ORDER
} QlmOrder;

typedef struct QlmOutboxRow
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
	bool		is_unanswered;	/* set aside, as no answer came or one that says not now */
	QlmOrder	order;
	int64		dropped;		/* it says that so many were, before it */

	/* Who asked for it, or subscribed to it, and may ask for its answer */
	Oid			asker_role;		/* InvalidOid: nobody */
	int			asker_peer_id;	/* 0: no peer */
	const char *asker_peer;
	const char *node;			/* as the asker called it */
	int64		awaited_by;		/* what is to be told how it ended; 0: nothing */
} QlmOutboxRow;

/* An error for a URL that is too long to be kept */
extern void qlm_outbox_check_url(const char *url);

extern int64 qlm_outbox_add(const QlmOutboxRow *message);

/* Data of subscriptions for their callbacks, all at once */
extern void qlm_outbox_add_data(const QlmOutboxRow *messages, int n);

/* Something was queued: tell, at commit, whom it concerns. */
extern void qlm_outbox_note(const QlmOutboxRow *message);

/*
 * Which of these peers have something due?  Sets due[i]; one cheap query.
 */
extern void qlm_nest_due(const int *peer_ids, int n, bool *due);

/*
 * Take what is due for a peer, in order, at most so many: marks it sent, to be
 * sent again if no answer comes, later and later from qlm.retry_delay on.  A
 * message whose ttl has ended becomes expired instead.  What is not answered
 * after some deliveries lets others pass.
 * Messages of kind response are done when they have been sent; where data are
 * acknowledged they are not, and until then none leave after them.  What has a
 * url of its own leaves so only while that endpoint is paused.
 */
typedef struct QlmNestClaim
{
	int			peer_id;
	int			max;
	int			outstanding_max;	/* requests that may be unanswered at once,
									 * but for those that let others pass */
	bool		acknowledged;	/* data are acknowledged */
	bool		answers;		/* the peer has just answered something */
	bool		requests_only;	/* no data */
} QlmNestClaim;

extern List *qlm_nest_claim(const QlmNestClaim *claim);

/* The peer comes back after it was away: what it may have missed is due soon. */
extern void qlm_nest_reconnected(int peer_id);

/*
 * These were pushed, the last at that time, on a connection that shows no life:
 * they are due again, as far as nobody has answered them meanwhile.
 */
extern void qlm_nest_return(const int64 *message_ids, int n,
							TimestampTz pushed_at);

/* Undo the claim of one that did not fit into the response. */
extern void qlm_nest_undo(int64 message_id);

/* It cannot leave, ever. */
extern void qlm_outbox_fail(int64 message_id, const char *reason);

/*
 * How well does an answer without id fit a message that is outstanding, the only
 * one or one of several?  0: not at all
 */
typedef int (*QlmFit) (const char *envelope, bool only, void *arg);

/* What a peer has answered */
typedef struct QlmAnswer
{
	int			return_code;
	const char *text;			/* an envelope */
	const char *refusal;		/* why that is no success; NULL: it is */
	QlmFit		fit;			/* to a message */
	bool		(*is_later) (const char *envelope, void *arg);	/* of this one? */
	void	   *arg;
} QlmAnswer;

/*
 * An answer came from a peer.  By id: only if the message is that peer's.
 * Without id (0): the one sent that it fits best; where several do equally, the
 * oldest of those that let no others pass, else the last one sent.  Returns the
 * message's id, 0 if there is none.  A repeated answer changes nothing and returns
 * the id.  Where it says "not now" the message waits to be sent again, more and
 * more rarely.
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
	Oid			asker_role;		/* as those of QlmOutboxRow */
	int			asker_peer_id;
	const char *node;
} QlmOutcome;

/* What became of each message that is awaited by this, in their order */
typedef struct QlmAwaitedRow
{
	int64		message_id;
	QlmOutcome	outcome;
} QlmAwaitedRow;

extern List *qlm_outbox_awaited(int64 awaited_by);

/* It has been told of this message, or (0) of all that it awaited. */
extern void qlm_outbox_told(int64 awaited_by, int64 message_id);

/*
 * Look at a message as it is now, whatever the transaction's isolation; one
 * whose ttl has ended counts as expired.
 */
extern bool qlm_outbox_outcome(int64 message_id, QlmOutcome *outcome);

/* A request that is queued, as it was; false: there is none with this id. */
extern bool qlm_outbox_fetch(int64 message_id, QlmOutboxRow *message);

/*
 * Why does it wait, and what can be done about it?  NULL: it has ended, or
 * nothing need be.
 */
extern char *qlm_outbox_reason(int64 message_id, char **what_to_do);

/*
 * Note that in what waits for a peer which may not leave, where nothing is noted
 * or it has changed; or note this.
 */
extern void qlm_outbox_say_why(int peer_id, bool has_changed);
extern void qlm_outbox_say(int64 message_id, const char *what);

/* Is it due again, or over, so that no answer came in time? */
extern bool qlm_outbox_is_overdue(int64 message_id);

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
extern void qlm_outbox_expire_peer(int peer_id, int max);

#endif							/* QLM_STORAGE_OUTBOX_H */
