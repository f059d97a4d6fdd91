/*
 * poll.c
 *		Polling a subscription (protocol 4.5): buffered events, or the values
 *		that were current at each tick since the last poll.
 */
#include "postgres.h"

#include <math.h>

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/payload/tree.h"
#include "service/subscribe/poll.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/rights.h"
#include "storage/object/path_table.h"
#include "storage/select/select.h"
#include "storage/select/select_event.h"
#include "storage/subscription/subscription_buffer.h"

typedef struct ItemEntry
{
	const char *path;			/* hash key */
	QlmInfoItem *item;
} ItemEntry;

static void
remember_item(const char *path, QlmInfoItem *item, void *arg)
{
	const char *key = pstrdup(path);
	ItemEntry  *entry = hash_search(arg, &key, HASH_ENTER, NULL);

	entry->item = item;
}

/* The InfoItems of a tree by path, and whether one was not found */
typedef struct Moving
{
	HTAB	   *items;
	bool		lacks;
} Moving;

static void
move_values(const char *path, QlmInfoItem *item, void *arg)
{
	Moving	   *moving = arg;
	ItemEntry  *entry = hash_search(moving->items, &path, HASH_FIND, NULL);

	if (entry == NULL)
	{
		moving->lacks |= item->values != NULL;
		return;
	}
	entry->item->values = item->values;
	entry->item->last_value = item->last_value;
	entry->item->nvalues = item->nvalues;
	item->values = item->last_value = NULL;
	item->nvalues = 0;
}

/*
 * Returns the tree of all targets, with the values there are.  Values whose
 * node was renamed since are in it under their old path.
 */
static QlmOdf *
tree_with_values(const QlmSubscription *subscription, QlmOdf *values)
{
	QlmSelector selector = {0};
	QlmOdf	   *tree;
	QlmOdf	   *missing;
	Moving		moving = {0};

	selector.no_values = true;
	qlm_select(qlm_tree_from_paths(subscription->targets,
								   subscription->ntargets),
			   &selector, &tree, &missing);
	if (tree == NULL)
		return values;
	moving.items = qlm_path_table("qlm poll", sizeof(ItemEntry));
	qlm_tree_strip(tree);
	qlm_tree_visit_items(tree, remember_item, moving.items);
	if (values)
	{
		int			nvalues = values->nvalues;

		qlm_tree_visit_items(values, move_values, &moving);
		if (moving.lacks)
			qlm_tree_merge(tree, values);
		tree->nvalues = nvalues;
	}
	hash_destroy(moving.items);
	return tree;
}

/*
 * Returns the number of ticks since the last poll, at most n_max, and the
 * newest of them in *ticks.
 */
static int
elapsed_ticks(QlmSubscription *subscription, int n_max, TimestampTz **ticks)
{
	double		interval = subscription->interval * USECS_PER_SEC;
	TimestampTz start = subscription->created_at;
	int64		first = (int64) floor((subscription->polled_at - start) / interval + 0.5);
	int64		last = (int64) floor((GetCurrentTimestamp() - start) / interval);
	int			n;

	if (last - first > n_max)
	{
		subscription->dropped += last - first - n_max;
		first = last - n_max;
	}
	n = (int) Max(last - first, 0);
	*ticks = palloc(Max(n, 1) * sizeof(TimestampTz));
	for (int i = 0; i < n; i++)
		(*ticks)[i] = start + (TimestampTz) rint((first + 1 + i) * interval);
	return n;
}

static QlmOdf *
values_at_ticks(QlmSubscription *subscription)
{
	int		   *items;
	int			nitems = qlm_select_items(subscription->targets,
										  subscription->ntargets, &items);
	int			n_max = Min(qlm_poll_buffer_max,
							Max(qlm_max_values / Max(nitems, 1), 1));
	TimestampTz *ticks;
	int			nticks = elapsed_ticks(subscription, n_max, &ticks);
	QlmEvent   *events;
	int			n = 0;

	if (nticks == 0)
		return NULL;
	events = MemoryContextAllocHuge(CurrentMemoryContext,
									sizeof(QlmEvent) * nticks * Max(nitems, 1));
	for (int i = 0; i < nitems; i++)
		n += qlm_select_at(items[i], ticks, nticks, events + n);
	subscription->polled_at = ticks[nticks - 1];
	return qlm_select_events(events, n);
}

QlmOdf *
qlm_poll(QlmSubscription *subscription, const char **note)
{
	QlmRights	saved;
	QlmOdf	   *tree;
	QlmEvent   *events = NULL;
	int			nevents = 0;
	bool		ticking = subscription->interval > 0;

	if (!ticking)
		nevents = qlm_subscription_take(subscription->request_id, &events);

	qlm_rights_become_reader(subscription->role, &saved);
	tree = tree_with_values(subscription,
							ticking ? values_at_ticks(subscription) :
							qlm_select_events(events, nevents));
	qlm_rights_restore(&saved);

	qlm_subscription_polled(subscription, subscription->polled_at);
	*note = qlm_dropped_note(subscription->dropped, subscription->callback != NULL);
	return tree;
}
