/*
 * value_row.c
 *		Turns a value into a row of qlm.value.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/number.h"
#include "storage/core/executor_hooks.h"
#include "storage/object/details.h"
#include "storage/value/value_row.h"

TupleDesc
qlm_value_row_descriptor(void)
{
	static TupleDesc descriptor = NULL;
	MemoryContext context;

	if (descriptor != NULL)
		return descriptor;
	context = MemoryContextSwitchTo(TopMemoryContext);
	descriptor = CreateTemplateTupleDesc(QLM_VALUE_COLUMNS);
	TupleDescInitEntry(descriptor, 1, "info_item_id", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 2, "peer_id", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 3, "ts", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(descriptor, 4, "num", FLOAT8OID, -1, 0);
	TupleDescInitEntry(descriptor, 5, "txt", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, 6, "type", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, 7, "attributes", JSONBOID, -1, 0);
	TupleDescInitEntry(descriptor, 8, "is_odf", BOOLOID, -1, 0);
	MemoryContextSwitchTo(context);
	return descriptor;
}

/*
 * A number is also stored as text if this node would print it in another way.
 * Infinity and NaN are stored only as text, as they would spoil every sum.
 */
static void
split_text(const QlmValue *value, Datum *num, bool *no_num,
		   Datum *txt, bool *no_txt)
{
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN];
	double		number;

	*no_num = true;
	*no_txt = false;
	if (!value->is_odf && qlm_number_parse(value->text, value->len, &number))
	{
		*num = Float8GetDatum(number);
		*no_num = false;
		*no_txt = double_to_shortest_decimal_bufn(number, buf) == value->len &&
			memcmp(buf, value->text, value->len) == 0;
	}
	if (!*no_txt)
		*txt = PointerGetDatum(cstring_to_text_with_len(value->text,
														value->len));
}

/* Fills in the type, which usually is that of the row before. */
static bool
fill_type(QlmValueRowState *state, const QlmValue *value)
{
	if (value->type == NULL || strcmp(value->type, "xs:string") == 0)
		return false;
	if (state->type_name == NULL || strcmp(state->type_name, value->type) != 0)
	{
		state->type_name = value->type;
		state->type = CStringGetTextDatum(value->type);
	}
	return true;
}

void
qlm_value_row_fill(QlmValueRowState *state, const QlmValueRow *row,
				   Datum *values, bool *nulls)
{
	const QlmValue *value = row->value;

	nulls[0] = nulls[1] = nulls[2] = false;
	values[0] = Int32GetDatum(row->info_item_id);
	values[1] = Int32GetDatum(row->peer_id);
	values[2] = TimestampTzGetDatum(row->ts);
	split_text(value, &values[3], &nulls[3], &values[4], &nulls[4]);
	nulls[5] = !fill_type(state, value);
	values[5] = state->type;
	nulls[6] = value->attributes == NULL;
	if (!nulls[6])
		values[6] = qlm_details_attributes_to_jsonb(value->attributes);
	nulls[7] = !value->is_odf;
	values[7] = BoolGetDatum(true);
}

/* Builds the array of one column. */
static Datum
column_array(const Datum *values, const bool *nulls, int column, int n)
{
	Form_pg_attribute attribute = TupleDescAttr(qlm_value_row_descriptor(), column);
	Datum	   *elements = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(Datum));
	bool	   *are_null = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(bool));
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		elements[i] = values[(Size) i * QLM_VALUE_COLUMNS + column];
		are_null[i] = nulls[(Size) i * QLM_VALUE_COLUMNS + column];
	}
	return PointerGetDatum(construct_md_array(elements, are_null, n > 0 ? 1 : 0, &n, &lower,
											  attribute->atttypid, attribute->attlen,
											  attribute->attbyval, attribute->attalign));
}

void
qlm_value_row_params(const QlmValueRow *rows, int n, Datum params[QLM_VALUE_COLUMNS])
{
	QlmValueRowState state = {0};
	Size		size;
	Datum	   *values;
	bool	   *nulls;

	if (!qlm_executor_hooks_audit())
		n = 0;
	size = (Size) Max(n, 1) * QLM_VALUE_COLUMNS;
	values = MemoryContextAllocHuge(CurrentMemoryContext, size * sizeof(Datum));
	nulls = MemoryContextAllocHuge(CurrentMemoryContext, size * sizeof(bool));
	for (int i = 0; i < n; i++)
		qlm_value_row_fill(&state, &rows[i], values + (Size) i * QLM_VALUE_COLUMNS,
						   nulls + (Size) i * QLM_VALUE_COLUMNS);
	for (int i = 0; i < QLM_VALUE_COLUMNS; i++)
		params[i] = column_array(values, nulls, i, n);
	pfree(values);
	pfree(nulls);
}
