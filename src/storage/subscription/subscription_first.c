/*
 * subscription_first.c
 *		The InfoItems whose first value this transaction has handed out.
 */
#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/memutils.h"

#include "storage/subscription/subscription_first.h"

/* InfoItems; NULL: none */
static Bitmapset *first_items = NULL;

static void
forget_first_items(void *arg)
{
	first_items = NULL;
}

void
qlm_subscription_note_first(int info_item_id)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	if (first_items == NULL)
	{
		MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

		callback->func = forget_first_items;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	first_items = bms_add_member(first_items, info_item_id);
	MemoryContextSwitchTo(caller);
}

bool
qlm_subscription_had_first(int info_item_id)
{
	return bms_is_member(info_item_id, first_items);
}
