/*
 * subscription_match.c
 *		Finds the subscriptions to values that were just inserted.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/path_map.h"
#include "storage/select/select_value.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_events.h"
#include "storage/subscription/subscription_first.h"
#include "storage/subscription/subscription_match.h"
#include "storage/subscription/subscription_newest.h"

/* Reads the transition table row by row */
typedef struct NewRows
{
	Tuplestorestate *store;
	TupleTableSlot *slot;
	int			item_column;
	int			ts_column;
} NewRows;

static void
open_rows(NewRows *rows, Tuplestorestate *store, TupleDesc desc)
{
	rows->store = store;
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	rows->item_column = SPI_fnumber(desc, "info_item_id");
	rows->ts_column = SPI_fnumber(desc, "ts");
	if (rows->item_column <= 0 || rows->ts_column <= 0)
		elog(ERROR, "the table has no columns info_item_id and ts");
	tuplestore_select_read_pointer(store,
								   tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND));
	tuplestore_rescan(store);
}

static bool
next_row(NewRows *rows, int *info_item_id)
{
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	if (!tuplestore_gettupleslot(rows->store, true, false, rows->slot))
		return false;
	*info_item_id = DatumGetInt32(slot_getattr(rows->slot, rows->item_column,
											   &isnull));
	return true;
}

static bool
anybody_wants(NewRows *rows)
{
	bool		wanted = false;
	int			id;

	qlm_subscription_begin_meeting();
	while (next_row(rows, &id))
		wanted |= qlm_subscription_meet(id);
	return qlm_subscription_end_meeting() || wanted;
}

static int
collect_wanted(NewRows *rows, QlmNewValue **values)
{
	int			capacity = 64;
	int			n = 0;
	int			id;

	*values = palloc(capacity * sizeof(QlmNewValue));
	tuplestore_rescan(rows->store);
	while (next_row(rows, &id))
	{
		QlmWantedItem *item = qlm_subscription_wanted(id);
		QlmNewValue *value;
		bool		isnull;

		if (item == NULL)
			continue;
		if (n == capacity)
		{
			capacity *= 2;
			*values = repalloc_huge(*values, capacity * sizeof(QlmNewValue));
		}
		value = &(*values)[n++];
		value->event.info_item_id = id;
		value->event.ts = DatumGetTimestampTz(slot_getattr(rows->slot,
														   rows->ts_column,
														   &isnull));
		value->ask_first = item->wants_first;
		value->first = false;
		value->data = item;
	}
	return n;
}

typedef struct MatchList
{
	uint64		call;
	int			n;
	int			capacity;
	QlmMatch   *matches;
} MatchList;

static QlmMatch *
match_of(MatchList *list, QlmEventSubscription *subscriber)
{
	if (subscriber->call != list->call)
	{
		if (list->n == list->capacity)
		{
			list->capacity *= 2;
			list->matches = repalloc_huge(list->matches,
										  list->capacity * sizeof(QlmMatch));
		}
		subscriber->call = list->call;
		subscriber->match = list->n;
		subscriber->capacity = 4;
		list->matches[list->n].subscription = &subscriber->subscription;
		list->matches[list->n].nevents = 0;
		list->matches[list->n].events = palloc(subscriber->capacity * sizeof(QlmEvent));
		list->n++;
	}
	return &list->matches[subscriber->match];
}

static void
add_event(MatchList *list, const QlmInterest *interest, const QlmEvent *event)
{
	QlmEventSubscription *subscriber = interest->subscription;
	QlmMatch   *match = match_of(list, subscriber);

	if (match->nevents == subscriber->capacity)
	{
		subscriber->capacity *= 2;
		match->events = repalloc_huge(match->events,
									  subscriber->capacity * sizeof(QlmEvent));
	}
	match->events[match->nevents] = *event;
	match->events[match->nevents++].by_alias = interest->by_alias;
}

/* Assigns each new value to its subscriptions. */
static int
distribute(QlmNewValue *values, int n, QlmMatch **matches)
{
	static uint64 calls = 0;
	TimestampTz now = GetCurrentTimestamp();
	MatchList	list;

	list.call = ++calls;
	list.n = 0;
	list.capacity = 8;
	list.matches = palloc(list.capacity * sizeof(QlmMatch));
	for (int i = 0; i < n; i++)
	{
		const QlmWantedItem *item = values[i].data;

		if (values[i].first)
			qlm_subscription_note_first(values[i].event.info_item_id);
		for (int j = 0; j < item->ninterests; j++)
		{
			const QlmSubscription *subscription = &item->interests[j].subscription->subscription;

			if (subscription->expires_at > now &&
				(subscription->interval != -2 || values[i].first))
				add_event(&list, &item->interests[j], &values[i].event);
		}
	}
	*matches = list.matches;
	return list.n;
}

int
qlm_subscription_match_new(Tuplestorestate *store, TupleDesc desc,
						   QlmMatch **matches)
{
	NewRows		rows;
	QlmNewValue *values;
	int			n = 0;

	open_rows(&rows, store, desc);
	if (anybody_wants(&rows))
		n = collect_wanted(&rows, &values);
	ExecDropSingleTupleTableSlot(rows.slot);
	if (n > 0)
		n = qlm_new_values_reduce(values, n);
	return n > 0 ? distribute(values, n, matches) : 0;
}
