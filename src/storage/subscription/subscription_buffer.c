/*
 * subscription_buffer.c
 *		Values that wait to be polled.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/select/select_value.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/subscription.h"
#include "storage/subscription/subscription_buffer.h"
#include "storage/subscription/subscription_match.h"

/* After so many values of this process a buffer is checked for its size. */
#define TRIM_EVERY		1000

/* Subscriptions whose values are counted */
#define MAX_COUNTERS	10000

typedef struct Counter
{
	int64		request_id;
	int64		appended;
} Counter;

/*
 * Takes all visible rows, whatever their seq: of two transactions the one that
 * took its numbers first may commit last.
 */
static QlmPlan take_plan = {
	"WITH taken AS (DELETE FROM qlm.subscription_value WHERE request_id = $1"
	" RETURNING seq, info_item_id, ts)"
	" SELECT info_item_id, ts FROM taken ORDER BY ts, seq",
	1, {INT8OID}
};

/*
 * Subscriptions are not locked.  One that is being cancelled gets values, too,
 * since the cancel may be rolled back.
 */
static QlmPlan buffer_plan = {
	"WITH there AS MATERIALIZED (SELECT request_id FROM qlm.subscription"
	" WHERE request_id = ANY ($1))"
	" INSERT INTO qlm.subscription_value (request_id, info_item_id, ts)"
	" SELECT e.request_id, e.info_item_id, e.ts"
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
	" WITH ORDINALITY AS e (request_id, info_item_id, ts, n)"
	" WHERE e.request_id IN (SELECT request_id FROM there) ORDER BY e.n",
	4, {INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID}
};

/* One index probe for each subscription that has values waiting */
static QlmPlan forget_plan = {
	"WITH RECURSIVE r (id) AS ("
	"(SELECT request_id FROM qlm.subscription_value ORDER BY request_id LIMIT 1)"
	" UNION ALL"
	" SELECT (SELECT v.request_id FROM qlm.subscription_value v"
	" WHERE v.request_id > r.id ORDER BY v.request_id LIMIT 1)"
	" FROM r WHERE r.id IS NOT NULL),"
	" past AS (SELECT v.request_id, v.seq FROM r,"
	" LATERAL (SELECT request_id, seq FROM qlm.subscription_value"
	" WHERE request_id = r.id LIMIT $1) AS v"
	" WHERE r.id IS NOT NULL AND NOT EXISTS"
	" (SELECT FROM qlm.subscription s WHERE s.request_id = r.id) LIMIT $1)"
	" DELETE FROM qlm.subscription_value v USING past"
	" WHERE v.request_id = past.request_id AND v.seq = past.seq",
	1, {INT8OID}
};

static QlmPlan buffered_plan = {
	"SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM qlm.subscription_value WHERE request_id = p.id LIMIT 1) AS v"
	" UNION ALL"
	" SELECT p.n FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS p (id, n),"
	" LATERAL (SELECT FROM qlm.forwarded_result WHERE request_id = p.id LIMIT 1) AS v",
	1, {INT8ARRAYOID}
};

int
qlm_subscription_take(int64 request_id, QlmEvent **events)
{
	Datum		values[1] = {Int64GetDatum(request_id)};
	int			n;

	qlm_plan_execute_as_owner(&take_plan, values, NULL);
	n = (int) SPI_processed;
	*events = palloc_extended(Max(n, 1) * sizeof(QlmEvent), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*events)[i].info_item_id = DatumGetInt32(qlm_spi_datum(i, 1, &isnull));
		(*events)[i].ts = DatumGetTimestampTz(qlm_spi_datum(i, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}

void
qlm_subscription_buffered(const int64 *request_ids, int n, bool *waiting)
{
	Datum		values[1];

	memset(waiting, 0, n * sizeof(bool));
	if (n == 0)
		return;
	values[0] = qlm_array_int8(request_ids, n);
	qlm_plan_execute_as_owner(&buffered_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		waiting[DatumGetInt64(qlm_spi_datum(row, 1, &isnull)) - 1] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * The number of values that this process has added to each buffer since the
 * last check
 */
static HTAB *
appended_counters(void)
{
	static HTAB *counters = NULL;
	HASHCTL		control = {0};

	if (counters && hash_get_num_entries(counters) >= MAX_COUNTERS)
	{
		hash_destroy(counters);
		counters = NULL;
	}
	if (counters == NULL)
	{
		control.keysize = sizeof(int64);
		control.entrysize = sizeof(Counter);
		counters = hash_create("qlm poll buffers", 64, &control,
							   HASH_ELEM | HASH_BLOBS);
	}
	return counters;
}

/*
 * Counts added values.  Returns true when the buffer is to be checked, which
 * is done rarely, as it reads the whole buffer.
 */
static bool
is_time_to_trim(int64 request_id, int n)
{
	Counter    *counter;
	bool		found;

	counter = hash_search(appended_counters(), &request_id, HASH_ENTER, &found);
	counter->appended = (found ? counter->appended : 0) + n;
	if (counter->appended < Min(TRIM_EVERY, qlm_poll_buffer_max))
		return false;
	counter->appended = 0;
	return true;
}

/* Returns how many values would not fit even into an empty buffer. */
static int
surplus_of(const QlmMatch *match)
{
	return Max(match->nevents - qlm_poll_buffer_max, 0);
}

static uint64
append_events(QlmMatch *const *matches, int n)
{
	int64	   *subscriptions = palloc(n * sizeof(int64));
	int64	   *request_ids;
	int		   *items;
	TimestampTz *times;
	Datum		values[4];
	int			nevents = 0;

	for (int i = 0; i < n; i++)
		nevents += matches[i]->nevents - surplus_of(matches[i]);
	request_ids = palloc_extended(nevents * sizeof(int64), MCXT_ALLOC_HUGE);
	items = palloc_extended(nevents * sizeof(int), MCXT_ALLOC_HUGE);
	times = palloc_extended(nevents * sizeof(TimestampTz), MCXT_ALLOC_HUGE);
	nevents = 0;
	for (int i = 0; i < n; i++)
	{
		subscriptions[i] = matches[i]->subscription->request_id;
		for (int j = surplus_of(matches[i]); j < matches[i]->nevents; j++)
		{
			request_ids[nevents] = subscriptions[i];
			items[nevents] = matches[i]->events[j].info_item_id;
			times[nevents++] = matches[i]->events[j].ts;
		}
	}
	values[0] = qlm_array_int8(subscriptions, n);
	values[1] = qlm_array_int8(request_ids, nevents);
	values[2] = qlm_array_int4(items, nevents);
	values[3] = qlm_array_timestamptz(times, nevents);
	qlm_plan_execute_indexed(&buffer_plan, values, NULL, 0);
	return SPI_processed;
}

static void
note_appended(const QlmMatch *match)
{
	int64		request_id = match->subscription->request_id;

	qlm_wake_key_note(qlm_wake_key_of_subscription(request_id));
	if (is_time_to_trim(request_id, match->nevents) && !IsolationUsesXactSnapshot())
		(void) qlm_subscription_trim(request_id, surplus_of(match));
}

void
qlm_subscription_buffer(QlmMatch *const *matches, int n)
{
	QlmRights	saved;

	if (n == 0)
		return;
	qlm_rights_become_owner(&saved);
	if (append_events(matches, n) > 0)
	{
		qlm_wake_pending |= QLM_WAKE_BUFFER;
		for (int i = 0; i < n; i++)
			note_appended(matches[i]);
	}
	qlm_rights_restore(&saved);
}

int
qlm_subscription_forget_values(int max)
{
	Datum		values[1] = {Int64GetDatum(max)};

	qlm_plan_execute_as_owner(&forget_plan, values, NULL);
	return (int) SPI_processed;
}
