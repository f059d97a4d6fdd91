/*
 * remote.h
 *		Subscriptions at other nodes that this node has made for others: what
 *		they are called there, and what waits here to be polled.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_REMOTE_H
#define QLM_STORAGE_REMOTE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Longer requestIDs of other nodes are not kept. */
#define QLM_MAX_REMOTE_ID 200

typedef struct QlmRemote
{
	int64		request_id;		/* of the subscription here */
	int			peer_id;
	const char *peer;			/* its name; on input only */
	const char *remote_id;		/* NULL: not known yet; empty: there is none */
	const char *token;			/* end of our callback URL; NULL: it is polled */
	double		poll_seconds;
	bool		ended;			/* here, but not at the node yet */
} QlmRemote;

/*
 * Those whose messages have ended, which are few since they are taken up as they
 * end, and those whose next poll is due at $1; for FROM
 */
#define QLM_REMOTE_TOLD \
	"(SELECT awaited_by FROM qlm.outbox" \
	" WHERE state NOT IN ('queued', 'sent') AND awaited_by IS NOT NULL" \
	" ORDER BY seq) AS o JOIN qlm.forwarding AS f ON f.request_id = o.awaited_by"
#define QLM_REMOTE_DUE "qlm.forwarding AS f WHERE f.next_poll <= $1"

extern void qlm_remote_add(const QlmRemote *remote);

/*
 * NULL: there is none, or, by token or the node's id, it has ended.  The first
 * locks it: whoever wants the subscription too locks that before.
 */
extern QlmRemote *qlm_remote_get(int64 request_id);
extern QlmRemote *qlm_remote_by_token(const char *token);
extern QlmRemote *qlm_remote_by_remote_id(int peer_id,
										  const char *remote_id);

/* Others at that node which have the same id there (int64 *) */
extern List *qlm_remote_others(const QlmRemote *remote);

/* Its id there is known; poll: it is to be polled. */
extern void qlm_remote_began(const QlmRemote *remote, bool poll);

/* A poll is over, so another is due some time later; one is under way. */
extern void qlm_remote_poll_after(const QlmRemote *remote);
extern void qlm_remote_polling(int64 request_id);

/* It has ended here: to be cancelled there once that is possible */
extern void qlm_remote_end_later(int64 request_id);
extern void qlm_remote_remove(int64 request_id);

/*
 * Cancel messages that it waits for: all, or those that never left.  Returns
 * how many.
 */
extern int	qlm_remote_recall(int64 request_id, bool all);

/* Whose messages have ended, whose next poll is due; at most max (int64 *) */
extern List *qlm_remote_told(int max);
extern List *qlm_remote_due(int max);

/* The poll buffer: envelopes (char *); final: the subscription ends with it */
extern void qlm_remote_buffer(int64 request_id, const char *answer,
							  bool final);
extern List *qlm_remote_take(int64 request_id, bool *final);

#endif							/* QLM_STORAGE_REMOTE_H */
