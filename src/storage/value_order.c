/*
 * value_order.c
 *		Puts values that arrive together in order, one for each time.
 */
#include "postgres.h"

#include "storage/value_order.h"

static inline int
compare_rows(const QlmValueRow *a, const QlmValueRow *b)
{
	if (a->info_item_id != b->info_item_id)
		return a->info_item_id < b->info_item_id ? -1 : 1;
	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE QlmValueRow
#define ST_COMPARE(a, b) compare_rows(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static bool
has_repeated_times(const QlmValueRow *rows, int n)
{
	for (int i = 1; i < n; i++)
		if (rows[i].info_item_id == rows[i - 1].info_item_id &&
			rows[i].ts == rows[i - 1].ts)
			return true;
	return false;
}

/*
 * One InfoItem's rows, sorted: the last of the given ones at each time stays,
 * and the others move past what is taken.  Returns how many rows remain.
 */
static int
settle_item(QlmValueRow *rows, int n, QlmValueRow *given, QlmValueRow *moving)
{
	int			ngiven = 0;
	int			nmoving = 0;
	int			next = 0;
	TimestampTz ts = DT_NOBEGIN;

	for (int i = 0; i < n; i++)
	{
		if (!rows[i].is_given)
			moving[nmoving++] = rows[i];
		else if (ngiven > 0 && given[ngiven - 1].ts == rows[i].ts)
			given[ngiven - 1] = rows[i];
		else
			given[ngiven++] = rows[i];
	}
	for (int i = 0; i < nmoving; i++)
	{
		ts = Max(moving[i].ts, ts + 1);
		while (next < ngiven && given[next].ts < ts)
			next++;
		while (next < ngiven && given[next].ts == ts)
		{
			ts++;
			next++;
		}
		moving[i].ts = ts;
	}
	memcpy(rows, given, ngiven * sizeof(QlmValueRow));
	memcpy(rows + ngiven, moving, nmoving * sizeof(QlmValueRow));
	sort_rows(rows, ngiven + nmoving);
	return ngiven + nmoving;
}

static int
settle(QlmValueRow *rows, int n)
{
	Size		size = Max(n, 1) * sizeof(QlmValueRow);
	QlmValueRow *given = MemoryContextAllocHuge(CurrentMemoryContext, size);
	QlmValueRow *moving = MemoryContextAllocHuge(CurrentMemoryContext, size);
	int			kept = 0;
	int			end;

	for (int start = 0; start < n; start = end)
	{
		int			settled;

		for (end = start + 1; end < n; end++)
			if (rows[end].info_item_id != rows[start].info_item_id)
				break;
		settled = end - start;
		if (has_repeated_times(rows + start, settled))
			settled = settle_item(rows + start, settled, given, moving);
		memmove(rows + kept, rows + start, settled * sizeof(QlmValueRow));
		kept += settled;
	}
	pfree(given);
	pfree(moving);
	return kept;
}

int
qlm_value_order(QlmValueRow *rows, int n)
{
	if (n > 1)
		sort_rows(rows, n);
	return has_repeated_times(rows, n) ? settle(rows, n) : n;
}
