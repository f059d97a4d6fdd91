/*
 * array.c
 *		Arrays as parameters of set-based statements.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "storage/core/array.h"

/* Elements of a fixed size are copied as they lie in memory. */
static Datum
fixed_array(const void *values, int n, Size element_size, Oid type)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + n * element_size;
	ArrayType  *array;

	if (n == 0)
		return PointerGetDatum(construct_empty_array(type));
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many nodes or values at once")));
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = type;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), values, n * element_size);
	return PointerGetDatum(array);
}

Datum
qlm_array_int4(const int *values, int n)
{
	return fixed_array(values, n, sizeof(int32), INT4OID);
}

Datum
qlm_array_int8(const int64 *values, int n)
{
	return fixed_array(values, n, sizeof(int64), INT8OID);
}

Datum
qlm_array_timestamptz(const TimestampTz *values, int n)
{
	return fixed_array(values, n, sizeof(TimestampTz), TIMESTAMPTZOID);
}

Datum
qlm_array_text(const char *const *values, int n)
{
	Datum	   *datums = palloc(n * sizeof(Datum));
	ArrayType  *array;

	for (int i = 0; i < n; i++)
		datums[i] = CStringGetTextDatum(values[i]);
	array = construct_array(datums, n, TEXTOID, -1, false, TYPALIGN_INT);
	for (int i = 0; i < n; i++)
		pfree(DatumGetPointer(datums[i]));
	pfree(datums);
	return PointerGetDatum(array);
}

Datum
qlm_array_text_or_null(const char *const *values, int n)
{
	Datum	   *datums = palloc(n * sizeof(Datum));
	bool	   *nulls = palloc(n * sizeof(bool));
	int			lower_bound = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = values[i] == NULL;
		datums[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(values[i]);
	}
	return PointerGetDatum(construct_md_array(datums, nulls, 1, &n, &lower_bound,
											  TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
qlm_array_jsonb(const Datum *values, int n)
{
	bool	   *nulls = palloc(n * sizeof(bool));
	int			lower_bound = 1;
	ArrayType  *array;

	for (int i = 0; i < n; i++)
		nulls[i] = (values[i] == (Datum) 0);
	array = construct_md_array((Datum *) values, nulls, 1, &n, &lower_bound,
							   JSONBOID, -1, false, TYPALIGN_INT);
	pfree(nulls);
	return PointerGetDatum(array);
}
