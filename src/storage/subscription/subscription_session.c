/*
 * subscription_session.c
 *		Finds the subscriptions to the sessions of a device that has connected,
 *		and its current values.
 *
 * Sessions begin rarely, so the subscriptions are read each time.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/path.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/object/alias_path.h"
#include "storage/peer/peer.h"
#include "storage/role/role.h"
#include "storage/select/select_event.h"
#include "storage/select/select_value.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_first.h"
#include "storage/subscription/subscription_match.h"
#include "storage/subscription/subscription_session.h"

static QlmPlan load_plan = {
	"SELECT request_id, role::pg_catalog.text, peer, callback, dialect,"
	" created_at, expires_at,"
	" ARRAY(SELECT t.path FROM qlm.subscription_target t"
	" WHERE t.request_id = s.request_id), peer_id, role_id"
	" FROM qlm.subscription s WHERE \"interval\" = -2 AND node IS NULL"
	" AND expires_at > $1",
	1, {TIMESTAMPTZOID}
};

/* Paths, and the paths that they are aliases of */
typedef struct Paths
{
	const char **paths;
	int			n;
	int			nown;			/* the first ones are the paths themselves */
} Paths;

static Paths
with_aliases(const char **paths, int n)
{
	QlmAliasPath *found;
	int			nfound = qlm_alias_paths(paths, n, NULL, &found);
	Paths		all = {palloc(Max(n + nfound, 1) * sizeof(char *)), n + nfound, n};

	memcpy(all.paths, paths, n * sizeof(char *));
	for (int i = 0; i < nfound; i++)
		all.paths[n + i] = found[i].path;
	return all;
}

/*
 * Fills in the paths that are both in a target and owned by the peer.  Returns
 * how many.
 */
static int
shared_paths(const Paths *targets, const Paths *owned, const char **paths,
			 bool *by_alias)
{
	int			n = 0;

	*by_alias = false;
	for (int i = 0; i < targets->n; i++)
		for (int j = 0; j < owned->n; j++)
		{
			const char *target = targets->paths[i];

			if (qlm_path_is_below(target, owned->paths[j]))
				paths[n++] = target;
			else if (qlm_path_is_below(owned->paths[j], target))
				paths[n++] = owned->paths[j];
			else
				continue;
			*by_alias |= i >= targets->nown;
		}
	return n;
}

static QlmSubscription *
read_subscription(uint64 row)
{
	QlmSubscription *subscription = palloc0(sizeof(QlmSubscription));
	Datum	   *elements;
	bool		isnull;

	subscription->request_id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
	subscription->role = qlm_role_of(DatumGetInt64(qlm_spi_datum(row, 10, &isnull)),
									 qlm_spi_text(row, 2));
	subscription->peer = qlm_spi_text(row, 3);
	subscription->callback = qlm_spi_text(row, 4);
	subscription->peer_id = DatumGetInt32(qlm_spi_datum(row, 9, &isnull));
	subscription->interval = -2;
	subscription->dialect = qlm_spi_text(row, 5);
	subscription->created_at = DatumGetTimestampTz(qlm_spi_datum(row, 6, &isnull));
	subscription->expires_at = DatumGetTimestampTz(qlm_spi_datum(row, 7, &isnull));
	deconstruct_array(DatumGetArrayTypeP(qlm_spi_datum(row, 8, &isnull)), TEXTOID,
					  -1, false, TYPALIGN_INT, &elements, NULL,
					  &subscription->ntargets);
	subscription->targets = palloc(Max(subscription->ntargets, 1) * sizeof(char *));
	for (int i = 0; i < subscription->ntargets; i++)
		subscription->targets[i] = TextDatumGetCString(elements[i]);
	return subscription;
}

static List *
load_subscriptions(void)
{
	List	   *subscriptions = NIL;
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());

	qlm_plan_execute(&load_plan, &now, NULL, 0);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		QlmSubscription *subscription = read_subscription(row);

		if (OidIsValid(subscription->role))
			subscriptions = lappend(subscriptions, subscription);
	}
	SPI_freetuptable(SPI_tuptable);
	return subscriptions;
}

static int
compare_events(const void *a, const void *b)
{
	const QlmEvent *x = a;
	const QlmEvent *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return (x->info_item_id > y->info_item_id) - (x->info_item_id < y->info_item_id);
}

/*
 * Reads the newest value of each InfoItem that was not handed out just now.
 * Returns how many.
 */
static int
current_values(const char **paths, int npaths, bool by_alias, QlmEvent **events)
{
	const TimestampTz ever = END_TIMESTAMP - 1;
	int		   *items;
	int			nitems = qlm_select_items(paths, npaths, &items);
	int			n = 0;

	*events = MemoryContextAllocHuge(CurrentMemoryContext,
									 sizeof(QlmEvent) * Max(nitems, 1));
	for (int i = 0; i < nitems; i++)
		if (!qlm_subscription_had_first(items[i]))
			n += qlm_select_at(items[i], &ever, 1, *events + n);
	for (int i = 0; i < n; i++)
		(*events)[i].by_alias = by_alias;
	qsort(*events, n, sizeof(QlmEvent), compare_events);
	return n;
}

int
qlm_subscription_match_owner(const QlmPeer *peer, QlmMatch **matches)
{
	QlmRights	saved;
	List	   *subscriptions;
	Paths		owned;
	ListCell   *lc;
	int			n = 0;

	qlm_rights_become_owner(&saved);
	subscriptions = load_subscriptions();
	owned = with_aliases((const char **) peer->paths, peer->npaths);
	*matches = palloc(Max(list_length(subscriptions), 1) * sizeof(QlmMatch));
	foreach(lc, subscriptions)
	{
		const QlmSubscription *subscription = lfirst(lc);
		Paths		targets = with_aliases(subscription->targets, subscription->ntargets);
		const char **paths = palloc(Max(targets.n * owned.n, 1) * sizeof(char *));
		bool		by_alias;
		int			npaths = shared_paths(&targets, &owned, paths, &by_alias);
		QlmMatch   *match = &(*matches)[n];

		match->subscription = subscription;
		if (npaths > 0)
			match->nevents = current_values(paths, npaths, by_alias, &match->events);
		if (npaths > 0 && match->nevents > 0)
			n++;
		pfree(paths);
	}
	qlm_rights_restore(&saved);
	return n;
}
