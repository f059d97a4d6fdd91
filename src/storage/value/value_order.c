/*
 * value_order.c
 *		Puts values that arrive together in order, and merges those of the same
 *		time.
 */
#include "postgres.h"

#include "storage/value/value_order.h"
#include "storage/value/value_row.h"

static inline int
compare_rows(const QlmValueRow *a, const QlmValueRow *b)
{
	if (a->info_item_id != b->info_item_id)
		return a->info_item_id < b->info_item_id ? -1 : 1;
	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE QlmValueRow
#define ST_COMPARE(a, b) compare_rows(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
qlm_value_order_sort(QlmValueRow *rows, int n)
{
	if (n > 1)
		sort_rows(rows, n);
}

static int
compare_with_row(const QlmValueRow *row, int info_item_id, TimestampTz ts)
{
	if (row->info_item_id != info_item_id)
		return row->info_item_id < info_item_id ? -1 : 1;
	return (row->ts > ts) - (row->ts < ts);
}

int
qlm_value_order_find(const QlmValueRow *rows, int n, int info_item_id, TimestampTz ts)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_with_row(&rows[middle], info_item_id, ts) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
same_attributes(const QlmAttribute *a, const QlmAttribute *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (strcmp(a->name, b->name) != 0 || strcmp(a->value, b->value) != 0)
			return false;
	return a == b;
}

/*
 * Would storing one change nothing of the other?  Compared like stored values.
 */
static bool
same_values(const QlmValue *a, const QlmValue *b)
{
	const char *a_type = a->type ? a->type : "xs:string";
	const char *b_type = b->type ? b->type : "xs:string";

	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0 &&
		a->is_odf == b->is_odf && strcmp(a_type, b_type) == 0 &&
		same_attributes(a->attributes, b->attributes);
}

static bool
has_repeated_times(const QlmValueRow *rows, int n)
{
	for (int i = 1; i < n; i++)
		if (rows[i].info_item_id == rows[i - 1].info_item_id &&
			rows[i].ts == rows[i - 1].ts)
			return true;
	return false;
}

typedef struct Settling
{
	QlmValueRow *given;
	QlmValueRow *moving;
	int			ngiven;
	int			nmoving;
	const QlmValueObserver *observer;
} Settling;

static void
add_given(Settling *settling, const QlmValueRow *row)
{
	QlmValueRow *last = settling->ngiven == 0 ? NULL :
		&settling->given[settling->ngiven - 1];

	if (last == NULL || last->ts != row->ts)
	{
		settling->given[settling->ngiven++] = *row;
		return;
	}
	settling->observer->tell(settling->observer->arg, last, row,
							 same_values(last->value, row->value) ?
							 QLM_VALUE_REPEATED : QLM_VALUE_SUPERSEDED);
	*last = *row;
}

/*
 * The rows must be of one InfoItem and sorted.  Of rows with the same given
 * time the last one stays.  The others get times that are not taken.  Returns
 * how many rows are left.
 */
static int
settle_item(Settling *settling, QlmValueRow *rows, int n)
{
	QlmValueRow *given = settling->given;
	QlmValueRow *moving = settling->moving;
	int			ngiven;
	int			nmoving;
	int			next = 0;
	TimestampTz ts = DT_NOBEGIN;

	settling->ngiven = settling->nmoving = 0;
	for (int i = 0; i < n; i++)
		if (rows[i].is_given)
			add_given(settling, &rows[i]);
		else
			moving[settling->nmoving++] = rows[i];
	ngiven = settling->ngiven;
	nmoving = settling->nmoving;
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
settle(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	Size		size = Max(n, 1) * sizeof(QlmValueRow);
	Settling	settling = {.observer = observer};
	int			kept = 0;
	int			end;

	settling.given = MemoryContextAllocHuge(CurrentMemoryContext, size);
	settling.moving = MemoryContextAllocHuge(CurrentMemoryContext, size);
	for (int start = 0; start < n; start = end)
	{
		int			settled;

		for (end = start + 1; end < n; end++)
			if (rows[end].info_item_id != rows[start].info_item_id)
				break;
		settled = end - start;
		if (has_repeated_times(rows + start, settled))
			settled = settle_item(&settling, rows + start, settled);
		memmove(rows + kept, rows + start, settled * sizeof(QlmValueRow));
		kept += settled;
	}
	pfree(settling.given);
	pfree(settling.moving);
	return kept;
}

int
qlm_value_order(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	qlm_value_order_sort(rows, n);
	return has_repeated_times(rows, n) ? settle(rows, n, observer) : n;
}
