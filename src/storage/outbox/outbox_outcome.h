/*
 * outbox_outcome.h
 *		What became of rows of the outbox, for those who wait for them.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_OUTCOME_H
#define QLM_STORAGE_OUTBOX_OUTCOME_H

#include "nodes/pg_list.h"
#include "storage/outbox/outbox.h"

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

/* What became of each row that is awaited by this, in their order */
typedef struct QlmAwaitedRow
{
	int64		message_id;
	QlmOutcome	outcome;
} QlmAwaitedRow;

extern List *qlm_outbox_awaited(int64 awaited_by);

/* It has been told of this row, or (0) of all that it awaited. */
extern void qlm_outbox_told(int64 awaited_by, int64 message_id);

/*
 * Look at a row as it is now, whatever the transaction's isolation; one
 * whose ttl has ended counts as expired.
 */
extern bool qlm_outbox_outcome(int64 message_id, QlmOutcome *outcome);

/* A request that is queued, as it was; false: there is none with this id. */
extern bool qlm_outbox_fetch(int64 message_id, QlmOutboxRow *row);

/* Is it due again, or over, so that no answer came in time? */
extern bool qlm_outbox_is_overdue(int64 message_id);

/* It has left under another id: cancel it, and say so. */
extern void qlm_outbox_sent_as(int64 message_id, int64 other_id);

/* Which of these have not ended yet?  Sets pending[i]. */
extern void qlm_outbox_pending(const int64 *message_ids, int n, bool *pending);

#endif							/* QLM_STORAGE_OUTBOX_OUTCOME_H */
