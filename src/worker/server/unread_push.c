/*
 * unread_push.c
 *		Rows that were pushed on a WebSocket and are not known to have been
 *		read.
 *
 * If returning them to the outbox fails it is tried once more.  After that
 * they are due at their next attempt.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/stats.h"
#include "service/road/socket_push.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox_nest.h"
#include "transport/websocket/websocket_life.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_slot.h"
#include "worker/server/unread_push.h"

#define LIFE_MS		5000	/* for a sign of life after a push to a peer */
#define LIMIT_MS	10000
#define AGAIN_MS	1000

static MemoryContext pushed_context = NULL;
static List *to_return = NIL;	/* of QlmUnreadPushes * */
static TimestampTz next_run = 0;
static bool has_failed = false;

static void
note(QlmUnreadPushes *pushed, int64 message_id)
{
	if (pushed->n == QLM_MAX_PUSHED)
	{
		memmove(pushed->message_ids, pushed->message_ids + 1,
				(QLM_MAX_PUSHED - 1) * sizeof(int64));
		pushed->n--;
	}
	pushed->message_ids[pushed->n++] = message_id;
	pushed->at = GetCurrentTimestamp();
}

/*
 * Pushes rows, and asks for a sign of life: a push alone does not show that
 * the peer is still there.
 */
void
qlm_unread_push_send(QlmUnreadPushes *pushed, QlmWebSocket *socket, List *pushes,
				QlmWorkerSlot *slot)
{
	ListCell   *lc;

	if (pushes == NIL)
		return;
	if (!qlm_websocket_is_silent(socket))
		pushed->n = 0;
	foreach(lc, pushes)
	{
		const QlmPeerPush *one = lfirst(lc);
		Size		len = strlen(one->text);

		if (qlm_websocket_push(socket, one->text, len))
			QLM_COUNT(slot, bytes_out, len);
		note(pushed, one->message_id);
	}
	qlm_websocket_ask(socket, LIFE_MS);
}

void
qlm_unread_push_ask(QlmWebSocket *socket)
{
	if (!qlm_websocket_is_silent(socket))
		qlm_websocket_ask(socket, LIFE_MS);
}

void
qlm_unread_push_return(const QlmUnreadPushes *pushed)
{
	MemoryContext caller;
	QlmUnreadPushes  *copy;

	if (pushed->n == 0)
		return;
	if (pushed_context == NULL)
		pushed_context = AllocSetContextCreate(TopMemoryContext, "qlm pushed",
											   ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(pushed_context);
	copy = palloc(sizeof(QlmUnreadPushes));
	*copy = *pushed;
	to_return = lappend(to_return, copy);
	MemoryContextSwitchTo(caller);
}

static void
return_all(void *arg)
{
	ListCell   *lc;

	if (!qlm_catalog_available())
		return;
	qlm_storage_begin();
	foreach(lc, to_return)
	{
		const QlmUnreadPushes *pushed = lfirst(lc);

		qlm_nest_return(pushed->message_ids, pushed->n, pushed->at);
	}
	qlm_storage_end();
}

static void
forget_all(void)
{
	to_return = NIL;
	MemoryContextReset(pushed_context);
	next_run = 0;
	has_failed = false;
}

void
qlm_unread_push_run(QlmWorkerSlot *slot)
{
	MemoryContext scratch;
	char	   *message;

	if (to_return == NIL || GetCurrentTimestamp() < next_run)
		return;
	scratch = AllocSetContextCreate(TopMemoryContext, "qlm pushed step",
									ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(scratch);
	if (qlm_transaction_run(return_all, NULL, LIMIT_MS, &message) == QLM_VERDICT_DONE)
		forget_all();
	else
	{
		ereport(LOG, (errmsg("qlm could not take back messages that were pushed in vain: %s", message)));
		qlm_slot_error(slot, message);
		if (has_failed)
			forget_all();
		else
		{
			has_failed = true;
			next_run = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), AGAIN_MS);
		}
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(scratch);
}

TimestampTz
qlm_unread_push_due(void)
{
	return to_return == NIL ? DT_NOEND : next_run;
}
