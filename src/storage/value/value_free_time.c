/*
 * value_free_time.c
 *		Finds free times for values that came without a time.
 *
 * Stored times are read in order, only until all values have one.  So no value
 * is moved further than there are stored values in between.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/partition/partition.h"
#include "storage/partition/range_statement.h"
#include "storage/value/value_free_time.h"
#include "storage/value/value_row.h"

#define MIN_PAGE 16				/* least number of times read at once */
#define MAX_PAGE 4096

static const QlmRangeStatement taken_statement = {
	"SELECT v.ts FROM qlm.value v WHERE v.info_item_id = $1 AND v.ts >= $2"
	" AND %s ORDER BY v.ts LIMIT $3",
	3, {INT4OID, TIMESTAMPTZOID, INT8OID}
};

/* The rows of one InfoItem that need a time */
typedef struct Placing
{
	QlmValueRow *rows;
	int			n;
	int			done;			/* number of rows that have one */
	TimestampTz next;			/* earliest time that may be free */
	int64		nread;
	bool		moved;
} Placing;

/* All times before end are free. */
static void
place_until(Placing *placing, TimestampTz end)
{
	while (placing->done < placing->n)
	{
		QlmValueRow *row = &placing->rows[placing->done];
		TimestampTz ts = Max(row->ts, placing->next);

		if (ts >= end)
			return;
		placing->moved |= ts != row->ts;
		row->ts = ts;
		placing->next = ts + 1;
		placing->done++;
	}
}

static void
skip_taken(void *arg, const Datum *values, const bool *nulls)
{
	Placing    *placing = arg;
	TimestampTz taken = DatumGetTimestampTz(values[0]);

	placing->nread++;
	place_until(placing, taken);
	placing->next = Max(placing->next, taken + 1);
}

/* Gives times to the rows that fit into one range. */
static void
place_in_range(Placing *placing, const QlmPartitionRange *range)
{
	int64		page = MIN_PAGE;

	while (placing->done < placing->n && placing->next < range->upper)
	{
		Datum		values[3];

		CHECK_FOR_INTERRUPTS();
		placing->next = Max(placing->next, placing->rows[placing->done].ts);
		page = Min(Max(page * 2, placing->n - placing->done), MAX_PAGE);
		placing->nread = 0;
		values[0] = Int32GetDatum(placing->rows[0].info_item_id);
		values[1] = TimestampTzGetDatum(placing->next);
		values[2] = Int64GetDatum(page);
		qlm_range_statement_execute(&taken_statement, range, values, skip_taken, placing);
		if (placing->nread < page)
		{
			place_until(placing, range->upper);
			placing->next = Max(placing->next, range->upper);
		}
	}
}

static bool
place_item(QlmValueRow *rows, int n)
{
	Placing		placing = {rows, n, 0, rows[0].ts, 0, false};

	while (placing.done < n)
	{
		int			nranges;
		const QlmPartitionRange *ranges = qlm_partition_ranges(&nranges);
		QlmPartitionRange range = ranges[qlm_partition_find(placing.next)];

		place_in_range(&placing, &range);
	}
	return placing.moved;
}

/*
 * Reads as the owner, who sees all stored times, even those that policies hide
 * from the writer.
 */
bool
qlm_value_free_time_assign(QlmValueRow *rows, int n)
{
	bool		moved = false;
	int			end;
	QlmRights	saved;

	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	for (int start = 0; start < n; start = end)
	{
		for (end = start + 1; end < n; end++)
			if (rows[end].info_item_id != rows[start].info_item_id)
				break;
		moved |= place_item(rows + start, end - start);
	}
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return moved;
}
