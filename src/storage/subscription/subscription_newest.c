/*
 * subscription_newest.c
 *		Which of the values just inserted are the newest of their InfoItem, or
 *		came without a time?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/select/select_value.h"
#include "storage/subscription/subscription_newest.h"
#include "storage/value/value_untimed.h"

/* New values of one InfoItem, in order of time */
typedef struct ItemGroup
{
	QlmNewValue *values;
	int			n;
	int			nolder;			/* number of values that are not the newest */
} ItemGroup;

/*
 * Reads for each InfoItem the newest values, one more than there are new ones,
 * so the newest of the others is among them.  The last condition lets the
 * planner prune old partitions.
 */
static QlmPlan newest_plan = {
	"SELECT g.n, v.ts FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3)) WITH ORDINALITY AS g (item, oldest, nvalues, n),"
	" LATERAL (SELECT o.ts FROM qlm.value o WHERE o.info_item_id = g.item"
	" AND o.ts >= g.oldest AND o.ts >= $4 ORDER BY o.ts DESC"
	" LIMIT g.nvalues + 1) AS v",
	4, {INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID}
};

/* InfoItems that have no values but the new ones */
static QlmPlan first_plan = {
	"SELECT g.n FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	" WITH ORDINALITY AS g (item, nvalues, n)"
	" WHERE (SELECT pg_catalog.count(*) FROM (SELECT FROM qlm.value o"
	" WHERE o.info_item_id = g.item LIMIT g.nvalues + 1) AS v) <= g.nvalues",
	2, {INT4ARRAYOID, INT4ARRAYOID}
};

static int
by_item_and_time(const void *a, const void *b)
{
	const QlmEvent *x = &((const QlmNewValue *) a)->event;
	const QlmEvent *y = &((const QlmNewValue *) b)->event;

	if (x->info_item_id != y->info_item_id)
		return x->info_item_id < y->info_item_id ? -1 : 1;
	return x->ts < y->ts ? -1 : (x->ts > y->ts ? 1 : 0);
}

static int
by_time(const void *a, const void *b)
{
	const QlmEvent *x = &((const QlmNewValue *) a)->event;
	const QlmEvent *y = &((const QlmNewValue *) b)->event;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return by_item_and_time(a, b);
}

static int
make_groups(QlmNewValue *values, int n, ItemGroup **groups)
{
	int			ngroups = 0;

	*groups = palloc_extended(n * sizeof(ItemGroup), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 ||
			values[i].event.info_item_id != values[i - 1].event.info_item_id)
		{
			(*groups)[ngroups].values = &values[i];
			(*groups)[ngroups].n = 0;
			(*groups)[ngroups].nolder = 0;
			ngroups++;
		}
		(*groups)[ngroups - 1].n++;
	}
	return ngroups;
}

/*
 * Compares a group with the stored values, both from the newest: at the first
 * stored value that is not new, the rest of the group is too old.  Returns the
 * row after the last one of the group.
 */
static uint64
compare_group(ItemGroup *group, int64 number, uint64 row)
{
	int			next = group->n - 1;	/* not yet found among stored values */
	bool		other_met = false;
	bool		isnull;

	for (; row < SPI_processed; row++)
	{
		TimestampTz ts;

		if (DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) != number)
			break;
		ts = DatumGetTimestampTz(qlm_spi_datum(row, 2, &isnull));
		if (other_met)
			continue;
		if (next >= 0 && group->values[next].event.ts == ts)
			next--;
		else
		{
			other_met = true;
			while (next >= 0 && group->values[next].event.ts > ts)
				next--;
			group->nolder = next + 1;
		}
	}
	return row;
}

static void
find_older(ItemGroup *groups, int n)
{
	int		   *items = palloc(n * sizeof(int));
	int		   *counts = palloc(n * sizeof(int));
	TimestampTz *oldest = palloc(n * sizeof(TimestampTz));
	TimestampTz bound = groups[0].values[0].event.ts;
	Datum		values[4];
	uint64		row = 0;

	for (int i = 0; i < n; i++)
	{
		const QlmEvent *event = &groups[i].values[0].event;

		items[i] = event->info_item_id;
		oldest[i] = event->ts;
		counts[i] = groups[i].n;
		bound = Min(bound, event->ts);
	}
	values[0] = qlm_array_int4(items, n);
	values[1] = qlm_array_timestamptz(oldest, n);
	values[2] = qlm_array_int4(counts, n);
	values[3] = TimestampTzGetDatum(bound);
	qlm_plan_execute_indexed(&newest_plan, values, NULL, 0);
	for (int i = 0; i < n; i++)
		row = compare_group(&groups[i], i + 1, row);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Marks the values of InfoItems that had none before, if a subscription asks
 * for that.
 */
static void
find_first(ItemGroup *groups, int n)
{
	int		   *items = palloc(n * sizeof(int));
	int		   *counts = palloc(n * sizeof(int));
	ItemGroup	  **asked = palloc(n * sizeof(ItemGroup *));
	int			nasked = 0;
	Datum		values[2];

	for (int i = 0; i < n; i++)
	{
		if (!groups[i].values[0].ask_first || groups[i].nolder > 0)
			continue;
		items[nasked] = groups[i].values[0].event.info_item_id;
		counts[nasked] = groups[i].n;
		asked[nasked++] = &groups[i];
	}
	if (nasked == 0)
		return;
	values[0] = qlm_array_int4(items, nasked);
	values[1] = qlm_array_int4(counts, nasked);
	qlm_plan_execute_indexed(&first_plan, values, NULL, 0);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		ItemGroup  *group = asked[DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) - 1];

		for (int i = 0; i < group->n; i++)
			group->values[i].first = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* A value without a time is of now, whatever is stored already. */
static bool
is_untimed(const QlmNewValue *value)
{
	return qlm_value_is_untimed(value->event.info_item_id, value->event.ts);
}

int
qlm_new_values_reduce(QlmNewValue *values, int n)
{
	ItemGroup  *groups;
	int			ngroups;
	int			kept = 0;
	QlmRights	saved;

	qsort(values, n, sizeof(QlmNewValue), by_item_and_time);
	ngroups = make_groups(values, n, &groups);
	qlm_rights_become_owner(&saved);
	find_older(groups, ngroups);
	find_first(groups, ngroups);
	qlm_rights_restore(&saved);
	for (int i = 0; i < ngroups; i++)
		for (int j = 0; j < groups[i].n; j++)
			if (j >= groups[i].nolder || is_untimed(&groups[i].values[j]))
				values[kept++] = groups[i].values[j];
	qsort(values, kept, sizeof(QlmNewValue), by_time);
	return kept;
}
