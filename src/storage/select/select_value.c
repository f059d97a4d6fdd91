/*
 * select_value.c
 *		Reads values from qlm.value.
 *
 * It goes from range to range, from the newest backwards or from the oldest
 * forwards, until no InfoItem lacks values.  In each range the index returns
 * them in order, so nothing is sorted and no more is read than is wanted.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "base/number.h"
#include "storage/core/answer_size.h"
#include "storage/core/array.h"
#include "storage/object/details_read.h"
#include "storage/partition/partition.h"
#include "storage/partition/range_statement.h"
#include "storage/select/select_value.h"

#define NO_LIMIT PG_INT32_MAX

#define VALUE_COLUMNS "v.ts, v.num, v.txt, v.type, v.attributes, v.is_odf"

#define WANTED_VALUES(direction) \
	"SELECT e.k, n.* FROM ROWS FROM (pg_catalog.unnest($1)," \
	" pg_catalog.unnest($2)) WITH ORDINALITY e(id, lacking, k)" \
	" CROSS JOIN LATERAL (SELECT " VALUE_COLUMNS " FROM qlm.value v" \
	" WHERE v.info_item_id = e.id AND %s AND v.ts >= $3 AND v.ts <= $4" \
	" ORDER BY v.ts " direction " LIMIT e.lacking) n"

#define WANTED_ARGS \
	4, {INT4ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}

static const QlmRangeStatement newest_statement = {
	WANTED_VALUES("DESC"), WANTED_ARGS
};

static const QlmRangeStatement oldest_statement = {
	WANTED_VALUES("ASC"), WANTED_ARGS
};

/*
 * A statement for one InfoItem, as most reads ask for one: it takes half the
 * time.
 */
#define WANTED_VALUE(direction) \
	"SELECT 1::bigint, " VALUE_COLUMNS " FROM qlm.value v" \
	" WHERE v.info_item_id = $1 AND %s AND v.ts >= $3 AND v.ts <= $4" \
	" ORDER BY v.ts " direction " LIMIT $2"

#define WANTED_VALUE_ARGS \
	4, {INT4OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}

static const QlmRangeStatement newest_one_statement = {
	WANTED_VALUE("DESC"), WANTED_VALUE_ARGS
};

static const QlmRangeStatement oldest_one_statement = {
	WANTED_VALUE("ASC"), WANTED_VALUE_ARGS
};

static const QlmRangeStatement event_statement = {
	"SELECT e.k, n.* FROM ROWS FROM (pg_catalog.unnest($1),"
	" pg_catalog.unnest($2)) WITH ORDINALITY e(id, ts, k)"
	" CROSS JOIN LATERAL (SELECT " VALUE_COLUMNS " FROM qlm.value v"
	" WHERE v.info_item_id = e.id AND %s AND v.ts = e.ts LIMIT 1) n",
	2, {INT4ARRAYOID, TIMESTAMPTZARRAYOID}
};

typedef struct Reading
{
	QlmOdf	   *odf;
	QlmInfoItem **items;
	int		   *lacking;		/* number of values that each still lacks */
	const int  *places;			/* index of each row's InfoItem; NULL: that of the row */
	StringInfoData number;
	const char *last_type;
} Reading;

void
qlm_value_targets_add(QlmValueTargets *targets, int info_item_id,
					  QlmInfoItem *item)
{
	if (targets->capacity == 0)
	{
		targets->capacity = 16;
		targets->ids = palloc(targets->capacity * sizeof(int));
		targets->items = palloc(targets->capacity * sizeof(QlmInfoItem *));
	}
	else if (targets->n == targets->capacity)
	{
		targets->capacity *= 2;
		targets->ids = repalloc_huge(targets->ids,
									 targets->capacity * sizeof(int));
		targets->items = repalloc_huge(targets->items, targets->capacity *
									   sizeof(QlmInfoItem *));
	}
	targets->ids[targets->n] = info_item_id;
	targets->items[targets->n++] = item;
}

/* Returns the type, which is shared with the value before if it is the same. */
static const char *
share_type(Reading *reading, Datum value)
{
	text	   *type = DatumGetTextPP(value);
	int			len = VARSIZE_ANY_EXHDR(type);

	if (reading->last_type == NULL || strlen(reading->last_type) != len ||
		memcmp(reading->last_type, VARDATA_ANY(type), len) != 0)
		reading->last_type = text_to_cstring(type);
	return reading->last_type;
}

/* Adds a text value.  One that is too large for the answer is not detoasted. */
static QlmValue *
add_text(Reading *reading, QlmInfoItem *item, Datum column)
{
	text	   *packed;
	QlmValue   *value;

	if (toast_raw_datum_size(column) > (Size) qlm_max_answer_size)
		qlm_answer_size_add(toast_raw_datum_size(column));
	packed = DatumGetTextPP(column);
	value = qlm_odf_copy_value(reading->odf, item, VARDATA_ANY(packed),
							   VARSIZE_ANY_EXHDR(packed));
	if (packed != (text *) DatumGetPointer(column))
		pfree(packed);
	return value;
}

/* Adds a value; the columns are those of VALUE_COLUMNS. */
static void
add_value(Reading *reading, QlmInfoItem *item, const Datum *columns,
		  const bool *nulls)
{
	bool		is_number = nulls[2];
	QlmValue   *value;

	if (reading->odf->nvalues >= qlm_max_values)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the answer has more than %d values", qlm_max_values),
				 errhint("Ask for less with begin and end, newest or oldest.")));
	if (is_number)
	{
		resetStringInfo(&reading->number);
		qlm_double_append(&reading->number, DatumGetFloat8(columns[1]));
		value = qlm_odf_copy_value(reading->odf, item, reading->number.data,
								   reading->number.len);
	}
	else
		value = add_text(reading, item, columns[2]);
	value->has_ts = true;
	value->ts = DatumGetTimestampTz(columns[0]);
	if (!nulls[3])
		value->type = share_type(reading, columns[3]);
	if (!nulls[4])
		value->attributes = qlm_details_read_attributes(DatumGetJsonbP(columns[4]));
	value->is_odf = !nulls[5] && DatumGetBool(columns[5]);
	qlm_answer_size_add_value(value, is_number);
}

static void
add_wanted(void *arg, const Datum *values, const bool *nulls)
{
	Reading    *reading = arg;
	int			i = DatumGetInt64(values[0]) - 1;

	if (reading->places != NULL)
		i = reading->places[i];
	add_value(reading, reading->items[i], values + 1, nulls + 1);
	if (reading->lacking[i] != NO_LIMIT)
		reading->lacking[i]--;
}

static void
begin_reading(Reading *reading, QlmOdf *odf, QlmInfoItem **items)
{
	memset(reading, 0, sizeof(Reading));
	reading->odf = odf;
	reading->items = items;
	initStringInfo(&reading->number);
}

static void
read_one(Reading *reading, const QlmPartitionRange *range, int id, bool newest,
		 const Datum *window)
{
	Datum		params[4] = {Int32GetDatum(id),
		Int32GetDatum(reading->lacking[0]), window[0], window[1]};

	reading->places = NULL;
	qlm_range_statement_execute(newest ? &newest_one_statement : &oldest_one_statement,
								range, params, add_wanted, reading);
}

/* Reads what the InfoItems still lack from one range. */
static bool
read_range(Reading *reading, const QlmPartitionRange *range,
		   const QlmValueTargets *targets, bool newest, const Datum *window)
{
	int		   *ids;
	int		   *lacking;
	int		   *places;
	int			n = 0;
	Datum		params[4] = {0, 0, window[0], window[1]};

	if (targets->n == 1)
	{
		read_one(reading, range, targets->ids[0], newest, window);
		return reading->lacking[0] > 0;
	}
	ids = palloc(3 * targets->n * sizeof(int));
	lacking = ids + targets->n;
	places = lacking + targets->n;
	for (int i = 0; i < targets->n; i++)
	{
		if (reading->lacking[i] == 0)
			continue;
		ids[n] = targets->ids[i];
		lacking[n] = reading->lacking[i];
		places[n++] = i;
	}
	if (n > 0)
	{
		reading->places = places;
		params[0] = qlm_array_int4(ids, n);
		params[1] = qlm_array_int4(lacking, n);
		qlm_range_statement_execute(newest ? &newest_statement : &oldest_statement,
									range, params, add_wanted, reading);
		pfree(DatumGetPointer(params[0]));
		pfree(DatumGetPointer(params[1]));
	}
	pfree(ids);
	return n > 0;
}

static bool
meets_window(const QlmPartitionRange *range, TimestampTz begin, TimestampTz end)
{
	return range->lower <= end && range->upper >= begin;
}

static int
wanted_count(const QlmSelector *selector)
{
	if (selector->all)
		return NO_LIMIT;
	if (selector->newest > 0)
		return selector->newest;
	if (selector->oldest > 0)
		return selector->oldest;
	return (selector->has_begin || selector->has_end) ? NO_LIMIT : 1;
}

static bool
wants_newest(const QlmSelector *selector)
{
	return !selector->all &&
		(selector->newest > 0 ||
		 (selector->oldest == 0 && !selector->has_begin && !selector->has_end));
}

void
qlm_select_values(QlmOdf *odf, const QlmValueTargets *targets,
				  const QlmSelector *selector)
{
	bool		newest = wants_newest(selector);
	bool		windowed = !selector->all;
	TimestampTz begin = windowed && selector->has_begin ? selector->begin :
		DT_NOBEGIN;
	TimestampTz end = windowed && selector->has_end ? selector->end : DT_NOEND;
	Datum		window[2] = {TimestampTzGetDatum(begin), TimestampTzGetDatum(end)};
	Reading		reading;
	int			nranges;
	QlmPartitionRange *ranges;

	if (targets->n == 0 || begin > end)
		return;
	begin_reading(&reading, odf, targets->items);
	reading.lacking = palloc(targets->n * sizeof(int));
	for (int i = 0; i < targets->n; i++)
		reading.lacking[i] = wanted_count(selector);
	ranges = qlm_partition_copy_ranges(&nranges);
	for (int i = 0; i < nranges; i++)
	{
		const QlmPartitionRange *range = &ranges[newest ? nranges - 1 - i : i];

		CHECK_FOR_INTERRUPTS();
		if (!meets_window(range, begin, end) || qlm_partition_is_empty(range))
			continue;
		if (!read_range(&reading, range, targets, newest, window))
			break;
	}
	pfree(ranges);
	pfree(reading.lacking);
	pfree(reading.number.data);
}

typedef struct EventReading
{
	Reading		reading;
	int		   *order;			/* events in the order of ranges */
	int			start;
	QlmValue  **found;			/* for each event */
	QlmInfoItem *shelf;			/* holds values until they are put in order */
} EventReading;

static void
add_event(void *arg, const Datum *values, const bool *nulls)
{
	EventReading *events = arg;
	int			row = DatumGetInt64(values[0]) - 1;

	add_value(&events->reading, events->shelf, values + 1, nulls + 1);
	events->found[events->order[events->start + row]] =
		events->shelf->last_value;
}

/* Returns the numbers of the events, grouped by range. */
static int *
order_by_range(const QlmEvent *events, int n, int nranges, int **counts)
{
	int		   *order = palloc(n * sizeof(int));
	int		   *place = palloc0((nranges + 1) * sizeof(int));

	*counts = palloc0(nranges * sizeof(int));
	for (int i = 0; i < n; i++)
		(*counts)[qlm_partition_find(events[i].ts)]++;
	for (int i = 0; i < nranges; i++)
		place[i + 1] = place[i] + (*counts)[i];
	for (int i = 0; i < n; i++)
		order[place[qlm_partition_find(events[i].ts)]++] = i;
	pfree(place);
	return order;
}

static void
read_events(EventReading *reading, const QlmPartitionRange *range,
			const QlmEvent *events, int n)
{
	int		   *ids = palloc(n * sizeof(int));
	TimestampTz *times = palloc(n * sizeof(TimestampTz));
	Datum		params[2];

	for (int i = 0; i < n; i++)
	{
		const QlmEvent *event = &events[reading->order[reading->start + i]];

		ids[i] = event->info_item_id;
		times[i] = event->ts;
	}
	params[0] = qlm_array_int4(ids, n);
	params[1] = qlm_array_timestamptz(times, n);
	qlm_range_statement_execute(&event_statement, range, params, add_event, reading);
	pfree(ids);
	pfree(times);
}

void
qlm_select_values_at_events(QlmOdf *odf, const QlmEvent *events, QlmInfoItem **items,
							int n)
{
	QlmOdf	   *shelf = qlm_odf_create();
	EventReading reading = {0};
	int			nranges;
	QlmPartitionRange *ranges = qlm_partition_copy_ranges(&nranges);
	int		   *counts;

	begin_reading(&reading.reading, shelf, NULL);
	reading.order = order_by_range(events, n, nranges, &counts);
	reading.found = palloc0(n * sizeof(QlmValue *));
	reading.shelf = qlm_odf_add_item(shelf, &shelf->root, "");
	for (int i = 0; i < nranges; i++)
	{
		if (counts[i] > 0)
			read_events(&reading, &ranges[i], events, counts[i]);
		reading.start += counts[i];
	}
	for (int i = 0; i < n; i++)
		if (reading.found[i] != NULL && items[i] != NULL)
			qlm_odf_take_value(odf, items[i], reading.found[i]);
	pfree(ranges);
}
