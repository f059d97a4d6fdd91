/*
 * subscription_visible.c
 *		Which of some events may the role of a subscription see?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/select/select_event.h"
#include "storage/select/select_value.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_visible.h"

static const QlmRelation shown[] = {
	QLM_REL_OBJECT, QLM_REL_INFO_ITEM, QLM_REL_VALUE
};

/* LIMIT makes each event one index probe. */
static QlmPlan visible_plan = {
	"SELECT e.n FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	" WITH ORDINALITY AS e (item, ts, n),"
	" LATERAL (SELECT FROM qlm.value v"
	" JOIN qlm.info_item i ON i.info_item_id = v.info_item_id"
	" JOIN qlm.object o ON o.object_id = i.object_id"
	" WHERE v.info_item_id = e.item AND v.ts = e.ts AND v.ts >= $3 LIMIT 1) AS seen"
	" ORDER BY e.n",
	3, {INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID}
};

/* A role that may read all of these may see all names. */
static const QlmRelation named[] = {
	QLM_REL_OBJECT, QLM_REL_OBJECT_ID, QLM_REL_INFO_ITEM
};

static bool
may_select(Oid role)
{
	if (!OidIsValid(role) ||
		!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		return false;
	for (int i = 0; i < lengthof(shown); i++)
		if (pg_class_aclcheck(qlm_catalog_relid(shown[i]), role,
							  ACL_SELECT) != ACLCHECK_OK)
			return false;
	return true;
}

bool
qlm_subscription_is_filtered(Oid role)
{
	if (!may_select(role))
		return false;
	for (int i = 0; i < lengthof(shown); i++)
		if (check_enable_rls(qlm_catalog_relid(shown[i]), role,
							 true) == RLS_ENABLED)
			return true;
	return false;
}

static void
become(Oid role, bool is_polled, QlmRights *saved)
{
	if (is_polled)
		qlm_rights_become_reader(role, saved);
	else
		qlm_rights_become_subscriber(role, saved);
}

static int
filter_by_policies(Oid role, QlmEvent *events, int n, bool is_polled)
{
	int		   *items = palloc(n * sizeof(int));
	TimestampTz *times = palloc(n * sizeof(TimestampTz));
	Datum		values[3];
	QlmRights	saved;
	int			nvisible;

	for (int i = 0; i < n; i++)
	{
		items[i] = events[i].info_item_id;
		times[i] = events[i].ts;
	}
	values[0] = qlm_array_int4(items, n);
	values[1] = qlm_array_timestamptz(times, n);
	values[2] = TimestampTzGetDatum(times[0]);
	become(role, is_polled, &saved);
	qlm_plan_execute_indexed(&visible_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	nvisible = (int) SPI_processed;
	for (int i = 0; i < nvisible; i++)
	{
		bool		isnull;

		events[i] = events[DatumGetInt64(qlm_spi_datum(i, 1, &isnull)) - 1];
	}
	SPI_freetuptable(SPI_tuptable);
	return nvisible;
}

static bool
knows_all_names(Oid role)
{
	for (int i = 0; i < lengthof(named); i++)
	{
		Oid			relid = qlm_catalog_relid(named[i]);

		if (pg_class_aclcheck(relid, role, ACL_SELECT) != ACLCHECK_OK ||
			check_enable_rls(relid, role, true) == RLS_ENABLED)
			return false;
	}
	return true;
}

static int
compare_ints(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return x < y ? -1 : x > y;
}

/*
 * Of events that were found by an alias, keeps those that a read with the role
 * would find, too.
 */
static int
filter_by_names(const QlmSubscription *subscription, QlmEvent *events, int n,
				bool is_polled)
{
	QlmRights	saved;
	int		   *items;
	int			nitems;
	int			kept = 0;

	become(subscription->role, is_polled, &saved);
	nitems = qlm_select_items(subscription->targets, subscription->ntargets, &items);
	qlm_rights_restore(&saved);
	if (nitems > 1)
		qsort(items, nitems, sizeof(int), compare_ints);
	for (int i = 0; i < n; i++)
		if (!events[i].by_alias ||
			bsearch(&events[i].info_item_id, items, nitems, sizeof(int), compare_ints))
			events[kept++] = events[i];
	return kept;
}

bool
qlm_subscription_by_alias(const QlmEvent *events, int n)
{
	for (int i = 0; i < n; i++)
		if (events[i].by_alias)
			return true;
	return false;
}

int
qlm_subscription_visible(const QlmSubscription *subscription, QlmEvent *events,
						 int n, bool is_polled)
{
	Oid			role = subscription->role;

	if (n == 0 || !may_select(role))
		return 0;
	if (qlm_subscription_by_alias(events, n) && !knows_all_names(role))
		n = filter_by_names(subscription, events, n, is_polled);
	return n > 0 && qlm_subscription_is_filtered(role) ?
		filter_by_policies(role, events, n, is_polled) : n;
}
