/*
 * outbox_nest.h
 *		Rows of the outbox that are nested in the response to a peer which calls, or
 *		pushed on its WebSocket: which are due, and taking them.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_NEST_H
#define QLM_STORAGE_OUTBOX_NEST_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * Which of these peers have something due?  Sets due[i]; one cheap query.
 */
extern void qlm_nest_due(const int *peer_ids, int n, bool *due);

/*
 * Take what is due for a peer, in order, at most so many: marks it sent, to be
 * sent again if no answer comes, later and later from qlm.retry_delay on.  A
 * row whose ttl has ended becomes expired instead.  What is not answered
 * after some deliveries lets others pass.
 * Rows of kind response are done when they have been sent; where data are
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

#endif							/* QLM_STORAGE_OUTBOX_NEST_H */
