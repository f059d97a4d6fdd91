/*
 * outbox.h
 *		The queue of rows that must leave, and what became of them.
 *
 * Works on tables that callers have no rights on: every function here becomes
 * the owner for as long as it runs.
 */
#ifndef QLM_STORAGE_OUTBOX_H
#define QLM_STORAGE_OUTBOX_H

#include "datatype/timestamp.h"

/*
 * A fresh number for a subscription or an outbox row.  Whoever knows it may poll and
 * cancel, where callers have no credentials: so it cannot be guessed.  It is
 * below 2^53, as many readers hold numbers as floating-point ones.  is_small:
 * below 2^31, for the smallest readers, where only one connection or peer may use
 * it.
 */
extern int64 qlm_outbox_new_id(bool is_small);

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

extern int64 qlm_outbox_add(const QlmOutboxRow *row);

/* Data of subscriptions for their callbacks, all at once */
extern void qlm_outbox_add_data(const QlmOutboxRow *rows, int n);

/* Something was queued: tell, at commit, whom it concerns. */
extern void qlm_outbox_note(const QlmOutboxRow *row);

/* It cannot leave, ever. */
extern void qlm_outbox_fail(int64 message_id, const char *reason);

/*
 * Queue a failed, expired or cancelled row again; its ttl starts anew.  An
 * error for one whose peer is gone.
 */
extern bool qlm_outbox_requeue(int64 message_id);

/* Mark at most max rows whose ttl has ended; returns how many. */
extern int	qlm_outbox_expire(int max);
extern void qlm_outbox_expire_peer(int peer_id, int max);

#endif							/* QLM_STORAGE_OUTBOX_H */
