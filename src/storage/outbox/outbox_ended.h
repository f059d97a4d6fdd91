/*
 * outbox_ended.h
 *		What waits to leave for subscriptions that have ended.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_ENDED_H
#define QLM_STORAGE_OUTBOX_ENDED_H

#include "nodes/pg_list.h"

/* SQL: is row o of qlm.outbox data of a subscription that is no more? */
#define QLM_OUTBOX_IS_ORPHAN(o) \
	"(" o ".kind = 'response' AND " o ".subscription_id IS NOT NULL AND NOT EXISTS" \
	" (SELECT FROM qlm.subscription orphaned WHERE orphaned.request_id = " o ".subscription_id))"
#define QLM_OUTBOX_ENDED "the subscription has ended"

/*
 * For a trigger: end what waits for these subscriptions, the rows of its transition table
 * old_subscriptions, or of all.  What is leased stays marked as being posted, and
 * has arrived if its transfer says so.
 */
extern void qlm_outbox_end(bool all);

/* What waits for its callback leaves although the subscription ends. */
extern void qlm_outbox_detach(int64 subscription_id);

/*
 * Messages that are leased (List of QlmOutboxRow *), without what has ended meanwhile;
 * the first `from` of them stay.  tried: they have left before.
 */
extern List *qlm_lease_drop_ended(List *messages, int from, bool tried);

/* The transfer of these has failed: what has ended is posted no more. */
extern void qlm_lease_ended_failed(const List *message_ids);

#endif							/* QLM_STORAGE_OUTBOX_ENDED_H */
