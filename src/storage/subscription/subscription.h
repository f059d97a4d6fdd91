/*
 * subscription.h
 *		Subscriptions, what they cover, and what waits to be polled.
 *
 * As outbox.h: becomes the owner inside, so callers check rights before.
 */
#ifndef QLM_STORAGE_SUBSCRIPTION_H
#define QLM_STORAGE_SUBSCRIPTION_H

#include "utils/tuplestore.h"

#include "message/dialect.h"
#include "storage/peer/peer.h"
#include "storage/select/select.h"

typedef struct QlmSubscription
{
	int64		request_id;
	Oid			role;			/* owner; its rights read the data */
	int			peer_id;		/* who made it; 0: no peer */
	const char *peer;			/* its name */
	const char *callback;		/* NULL: polled */
	double		interval;
	const char *dialect;		/* text form */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND: never */
	TimestampTz polled_at;		/* last tick polled; created_at: none yet */
	int64		dropped;
	int			ntargets;
	const char **targets;
	const char *node;			/* it is one at another node; NULL: here */
} QlmSubscription;

/* Store it; fills in request_id and created_at. */
extern void qlm_subscription_add(QlmSubscription *subscription);

/* NULL: unknown, or its ttl has ended, or its role is gone.  for_update: until transaction end */
extern QlmSubscription *qlm_subscription_get(int64 request_id,
											 bool for_update);

extern bool qlm_subscription_cancel(int64 request_id);

/* Take the values that wait, in order of their times, and empty the buffer. */
extern int	qlm_subscription_take(int64 request_id, QlmEvent **events);

/* Which of these have values that wait?  Sets waiting[i]; one cheap query. */
extern void qlm_subscription_buffered(const int64 *request_ids, int n,
									  bool *waiting);

/*
 * Drop what the buffer holds beyond qlm.poll_buffer_max, unless somebody else
 * has the subscription in hand, and count it together with what was dropped
 * already.  Returns the sum.  Get does it where it is for update.
 */
extern int64 qlm_subscription_trim(int64 request_id, int64 dropped);

/* After an interval poll: ticks up to here are done; dropped starts anew. */
extern void qlm_subscription_polled(const QlmSubscription *subscription,
									TimestampTz tick);

/* Remove at most max subscriptions whose ttl has ended. */
extern int	qlm_subscription_expire(int max);

/* New values that a subscription wants, as match_new returns them */
typedef struct QlmMatch
{
	const QlmSubscription *subscription;	/* until the transaction ends */
	int			nevents;
	QlmEvent   *events;			/* in order of time */
} QlmMatch;

/*
 * Does anybody subscribe to events at all?  From this process's cache; needs
 * no qlm_storage_begin.
 */
extern bool qlm_subscription_any_events(void);

/*
 * Does anybody subscribe to events of one of these rows' InfoItems?  They may
 * be in the table or not.
 */
struct QlmValueRow;
extern bool qlm_subscription_wants(const struct QlmValueRow *rows, int n);

/*
 * Which subscriptions want which of the rows just inserted into qlm.value?
 * The rows are the transition table of the calling trigger.  Only values
 * strictly newer than all others of their InfoItem count, and those that came
 * without a time.
 */
extern int	qlm_subscription_match_new(Tuplestorestate *rows, TupleDesc desc,
									   QlmMatch **matches);

/*
 * Which subscriptions with interval -2 cover something that the peer owns?  The
 * events are the current values of that, without those that this transaction
 * has given to them as first ones.
 */
extern int	qlm_subscription_match_owner(const QlmPeer *peer, QlmMatch **matches);

/* Does anybody subscribe with interval -2?  As any_events. */
extern bool qlm_subscription_any_first(void);

/* In this transaction the InfoItem had its first value, and it was delivered. */
extern void qlm_subscription_note_first(int info_item_id);
extern bool qlm_subscription_had_first(int info_item_id);

/*
 * Keep only the events, in order of time, that the subscription's role may see,
 * and may know by the name that they are subscribed by; returns how many.  What
 * is polled is looked at again then, with the settings of who polls.
 * No error for a role that is gone or has no rights.
 */
extern int	qlm_subscription_visible(const QlmSubscription *subscription,
									 QlmEvent *events, int n, bool is_polled);

/* Is one of them subscribed by another name than its own? */
extern bool qlm_subscription_by_alias(const QlmEvent *events, int n);

/* May looking for what the role sees run the role's own code? */
extern bool qlm_subscription_is_filtered(Oid role);

/* Remove at most max values whose subscription has ended meanwhile. */
extern int	qlm_subscription_forget_values(int max);

/* Append to the poll buffers of these, within qlm.poll_buffer_max. */
extern void qlm_subscription_buffer(QlmMatch *const *matches, int n);

#endif							/* QLM_STORAGE_SUBSCRIPTION_H */
