/*
 * retention.c
 *		Deletes or thins out old values by the rules for their paths.
 *
 * InfoItems are processed in the order of their ids, some hundred at a time.
 * The position is known to this process only: another one starts from the
 * beginning, which costs time and nothing else.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/path_map.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/partition/partition_make.h"
#include "storage/value/retention.h"

#define ITEMS_PER_STEP	500
#define REST_MS			(10 * 60 * 1000)	/* between two passes */
#define ALL_AGAIN		USECS_PER_DAY	/* between passes that also thin values that came late */

int			qlm_retention = 0;

typedef struct Rule
{
	Interval   *keep;			/* NULL: for ever */
	Interval   *thin_after;		/* NULL: never */
	int64		thin_every;		/* microseconds */
} Rule;

/* The position of this process */
static struct
{
	uint64		generation;		/* of the rules; if it changes a new pass begins */
	int			setting;
	bool		any_rules;
	int			last_item;
	TimestampTz started_at;		/* of this pass; 0: none */
	TimestampTz rests_until;
	TimestampTz thinned_at;		/* values before this were thinned by the last pass; 0: none */
	TimestampTz all_at;			/* start of the last pass over all values */
} progress;

static QlmPlan rules_plan = {
	"SELECT path, keep, thin_after,"
	" (pg_catalog.date_part('epoch', thin_every) * 1000000)::pg_catalog.int8"
	" FROM qlm.retention",
	0
};

static QlmPlan items_plan = {
	"SELECT info_item_id, path FROM qlm.info_item WHERE info_item_id > $1"
	" ORDER BY info_item_id LIMIT $2",
	2, {INT4OID, INT8OID}
};

/* The newest value is kept, whatever its age. */
static QlmPlan keep_plan = {
	"DELETE FROM qlm.value d USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	" AS g (item, bound),"
	" LATERAL (SELECT n.ts FROM qlm.value n WHERE n.info_item_id = g.item"
	" ORDER BY n.ts DESC LIMIT 1) AS newest,"
	" LATERAL (SELECT v.ts FROM qlm.value v WHERE v.info_item_id = g.item"
	" AND v.ts < g.bound AND v.ts < newest.ts AND v.ts < $4 ORDER BY v.ts LIMIT $3) AS old"
	" WHERE d.info_item_id = g.item AND d.ts = old.ts AND d.ts < $4",
	4, {INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT8OID, TIMESTAMPTZOID}
};

/* The last value of each span is kept. */
static QlmPlan thin_plan = {
	"DELETE FROM qlm.value d USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4)) AS g (item, since, bound, span),"
	" LATERAL (SELECT w.ts FROM (SELECT v.ts, pg_catalog.lead(v.ts) OVER (ORDER BY v.ts) AS next"
	" FROM qlm.value v WHERE v.info_item_id = g.item"
	" AND v.ts >= g.since AND v.ts < g.bound AND v.ts < $6) AS w"
	" WHERE w.next < pg_catalog.date_bin(pg_catalog.make_interval(secs => g.span / 1000000.0), w.ts, 'epoch')"
	" + pg_catalog.make_interval(secs => g.span / 1000000.0) LIMIT $5) AS old"
	" WHERE d.info_item_id = g.item AND d.ts = old.ts AND d.ts < $6",
	6, {INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID,
	INT8OID, TIMESTAMPTZOID}
};

/* The InfoItems of one step to which a rule applies */
typedef struct Batch
{
	int			n;
	int			last_item;
	int			items[ITEMS_PER_STEP];
	TimestampTz since[ITEMS_PER_STEP];
	TimestampTz bounds[ITEMS_PER_STEP];
	int64		spans[ITEMS_PER_STEP];
} Batch;

static Interval *
interval_column(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = qlm_spi_datum(row, column, &isnull);
	Interval   *copy;

	if (isnull)
		return NULL;
	copy = palloc(sizeof(Interval));
	*copy = *DatumGetIntervalP(datum);
	return copy;
}

/* The setting is a rule for all paths, unless there is one. */
static void
add_setting(QlmPathMap *rules)
{
	Rule	   *rule;

	if (qlm_retention == 0 || qlm_path_map_find(rules, "") != NIL)
		return;
	rule = palloc0(sizeof(Rule));
	rule->keep = palloc0(sizeof(Interval));
	rule->keep->time = (int64) qlm_retention * USECS_PER_MINUTE;
	qlm_path_map_add(rules, "", rule);
	qlm_path_map_sort(rules);
}

static void
load_rules(QlmPathMap *rules)
{
	memset(rules, 0, sizeof(QlmPathMap));
	qlm_plan_execute(&rules_plan, NULL, NULL, 0);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Rule	   *rule = palloc0(sizeof(Rule));
		bool		isnull;

		rule->keep = interval_column(row, 2);
		rule->thin_after = interval_column(row, 3);
		rule->thin_every = DatumGetInt64(qlm_spi_datum(row, 4, &isnull));
		qlm_path_map_add(rules, qlm_spi_text(row, 1), rule);
	}
	SPI_freetuptable(SPI_tuptable);
	qlm_path_map_sort(rules);
	add_setting(rules);
}

static TimestampTz
before(TimestampTz ts, const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(ts),
												   IntervalPGetDatum(interval)));
}

/* Returns the time from which values have not been thinned by this rule yet. */
static TimestampTz
not_thinned_since(const Rule *rule)
{
	TimestampTz done;

	if (progress.thinned_at == 0)
		return DT_NOBEGIN;
	done = before(progress.thinned_at, rule->thin_after);
	return done - 2 * rule->thin_every;
}

static void
add_item(Batch *keep, Batch *thin, int id, const Rule *rule)
{
	if (rule->keep)
	{
		keep->items[keep->n] = id;
		keep->bounds[keep->n++] = before(progress.started_at, rule->keep);
	}
	if (rule->thin_after)
	{
		thin->items[thin->n] = id;
		thin->since[thin->n] = not_thinned_since(rule);
		thin->bounds[thin->n] = before(progress.started_at, rule->thin_after);
		thin->spans[thin->n++] = rule->thin_every;
	}
}

/* Fills in the next InfoItems.  Returns how many were looked at. */
static int
next_items(const QlmPathMap *rules, Batch *keep, Batch *thin)
{
	Datum		values[2] = {Int32GetDatum(progress.last_item),
	Int64GetDatum(ITEMS_PER_STEP)};
	int			n;

	keep->n = thin->n = 0;
	keep->last_item = progress.last_item;
	qlm_plan_execute_indexed(&items_plan, values, NULL, 0);
	n = (int) SPI_processed;
	for (int row = 0; row < n; row++)
	{
		bool		isnull;
		List	   *found;
		char	   *path = qlm_spi_text(row, 2);

		keep->last_item = DatumGetInt32(qlm_spi_datum(row, 1, &isnull));
		found = qlm_path_map_find(rules, path);
		if (found != NIL)
			add_item(keep, thin, keep->last_item,
					 ((QlmPathEntry *) linitial(found))->data);
		list_free(found);
		pfree(path);
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

/*
 * Returns the latest bound: one bound for all InfoItems lets the planner prune
 * partitions.
 */
static TimestampTz
latest(const Batch *batch)
{
	TimestampTz bound = DT_NOBEGIN;

	for (int i = 0; i < batch->n; i++)
		bound = Max(bound, batch->bounds[i]);
	return bound;
}

static int64
drop_old(const Batch *batch, int64 max)
{
	Datum		values[4];

	if (batch->n == 0)
		return 0;
	values[0] = qlm_array_int4(batch->items, batch->n);
	values[1] = qlm_array_timestamptz(batch->bounds, batch->n);
	values[2] = Int64GetDatum(max);
	values[3] = TimestampTzGetDatum(latest(batch));
	qlm_plan_execute_indexed(&keep_plan, values, NULL, 0);
	return (int64) SPI_processed;
}

static int64
thin_out(const Batch *batch, int64 max)
{
	Datum		values[6];

	if (batch->n == 0)
		return 0;
	values[0] = qlm_array_int4(batch->items, batch->n);
	values[1] = qlm_array_timestamptz(batch->since, batch->n);
	values[2] = qlm_array_timestamptz(batch->bounds, batch->n);
	values[3] = qlm_array_int8(batch->spans, batch->n);
	values[4] = Int64GetDatum(max);
	values[5] = TimestampTzGetDatum(latest(batch));
	qlm_plan_execute_indexed(&thin_plan, values, NULL, 0);
	return (int64) SPI_processed;
}

/*
 * Processes the next InfoItems.  Each loses at most max values of each kind;
 * if more have to go, it is processed again.  Returns true if the pass is
 * complete.
 */
static bool
do_items(int64 max, int64 *gone)
{
	QlmPathMap	rules;
	Batch	   *keep = palloc(sizeof(Batch));
	Batch	   *thin = palloc(sizeof(Batch));
	int			n;
	int64		nkept;
	int64		nthinned;

	load_rules(&rules);
	progress.any_rules = rules.n > 0;
	if (!progress.any_rules)
		return true;
	n = next_items(&rules, keep, thin);
	nkept = drop_old(keep, max);
	nthinned = thin_out(thin, max);
	*gone += nkept + nthinned;
	if (nkept < max && nthinned < max)
	{
		progress.last_item = keep->last_item;
		return n < ITEMS_PER_STEP;
	}
	return false;
}

/* Have the rules changed since this pass began? */
static bool
rules_have_changed(void)
{
	uint64		generation = qlm_catalog_generation(QLM_REL_RETENTION);

	if (progress.generation == generation && progress.setting == qlm_retention)
		return false;
	progress.generation = generation;
	progress.setting = qlm_retention;
	return true;
}

static void
begin(TimestampTz now)
{
	if (rules_have_changed() || progress.all_at < now - ALL_AGAIN)
	{
		progress.thinned_at = 0;
		progress.all_at = now;
	}
	progress.started_at = now;
	progress.last_item = 0;
}

static void
finish(void)
{
	progress.thinned_at = progress.started_at;
	progress.rests_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   REST_MS);
	progress.started_at = 0;
}

bool
qlm_retention_step(int max)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		gone = 0;
	bool		done;
	QlmRights	saved;

	if (XactReadOnly)
		return false;
	if (rules_have_changed())
	{
		progress.all_at = 0;
		progress.started_at = 0;
		progress.rests_until = 0;
	}
	if (progress.started_at == 0)
	{
		if (progress.rests_until > now)
			return progress.any_rules && qlm_partition_drop_empty(now);
		begin(now);
	}
	qlm_rights_become_owner(&saved);
	/* A step is short: few InfoItems have many values to delete. */
	done = do_items(Max(max / 100, 10), &gone);
	qlm_rights_restore(&saved);
	if (done)
		finish();
	return !done || progress.any_rules;
}

static int64
run_all(void)
{
	int64		gone = 0;
	QlmRights	saved;

	progress.all_at = 0;
	begin(GetCurrentTimestamp());
	qlm_rights_become_owner(&saved);
	for (;;)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "qlm retention",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(context);
		bool		done;

		CHECK_FOR_INTERRUPTS();
		done = do_items(PG_INT32_MAX, &gone);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		if (done)
			break;
	}
	qlm_rights_restore(&saved);
	finish();
	return gone;
}

PG_FUNCTION_INFO_V1(qlm_sql_apply_retention);

/*
 * qlm_apply_retention() does at once, in this transaction, what the workers do
 * in steps.
 */
Datum
qlm_sql_apply_retention(PG_FUNCTION_ARGS)
{
	int64		gone;

	qlm_storage_begin();
	gone = run_all();
	qlm_storage_end();
	PG_RETURN_INT64(gone);
}
