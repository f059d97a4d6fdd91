/*
 * missed.c
 *		Counts rows of subscriptions that were not taken.
 *
 * They are counted in memory first, then in the subscription's row.  If
 * another session has locked that row, waiting for it would hold up everything
 * else that is posted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/missed.h"

typedef struct Missed
{
	int64		subscription_id;
	int64		n;
} Missed;

static List *all = NIL;

/*
 * Returns the subscriptions that could not be counted, as their row is locked.
 */
static QlmPlan count_plan = {
	"WITH mine AS MATERIALIZED (SELECT request_id FROM qlm.subscription"
	" WHERE request_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED),"
	" counted AS (UPDATE qlm.subscription s SET dropped = s.dropped + m.n"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS m (id, n), mine"
	" WHERE s.request_id = m.id AND s.request_id = mine.request_id)"
	" SELECT request_id FROM qlm.subscription WHERE request_id = ANY ($1)"
	" AND request_id <> ALL (ARRAY(SELECT request_id FROM mine))",
	2, {INT8ARRAYOID, INT8ARRAYOID}
};

void
qlm_missed_note(int64 subscription_id, int64 n)
{
	MemoryContext caller;
	Missed	   *missed;
	ListCell   *lc;

	foreach(lc, all)
	{
		missed = lfirst(lc);
		if (missed->subscription_id == subscription_id)
		{
			missed->n += n;
			return;
		}
	}
	caller = MemoryContextSwitchTo(TopMemoryContext);
	missed = palloc(sizeof(Missed));
	missed->subscription_id = subscription_id;
	missed->n = n;
	all = lappend(all, missed);
	MemoryContextSwitchTo(caller);
}

void
qlm_missed_note_rows(void)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		Datum		subscription_id = qlm_spi_datum(row, 1, &isnull);

		if (!isnull)
			qlm_missed_note(DatumGetInt64(subscription_id),
							DatumGetInt64(qlm_spi_datum(row, 2, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
}

static bool
is_held(int64 subscription_id)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		if (DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) == subscription_id)
			return true;
	}
	return false;
}

void
qlm_missed_count(void)
{
	int			n = list_length(all);
	int64	   *ids;
	int64	   *counts;
	Datum		values[2];
	ListCell   *lc;

	/* A row changed since the snapshot would be a serialization error. */
	if (n == 0 || IsolationUsesXactSnapshot())
		return;
	ids = palloc(n * sizeof(int64));
	counts = palloc(n * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		ids[i] = ((Missed *) list_nth(all, i))->subscription_id;
		counts[i] = ((Missed *) list_nth(all, i))->n;
	}
	values[0] = qlm_array_int8(ids, n);
	values[1] = qlm_array_int8(counts, n);
	qlm_plan_execute_indexed(&count_plan, values, NULL, 0);
	foreach(lc, all)
	{
		Missed	   *missed = lfirst(lc);

		if (!is_held(missed->subscription_id))
		{
			all = foreach_delete_current(all, lc);
			pfree(missed);
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

void
qlm_missed_count_now(void)
{
	QlmRights	saved;

	if (XactReadOnly)
		return;
	qlm_rights_become_owner(&saved);
	qlm_missed_count();
	qlm_rights_restore(&saved);
}

