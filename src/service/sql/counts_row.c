/*
 * counts_row.c
 *		The counts of a write, as the row that SQL functions return.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "service/sql/counts_row.h"
#include "service/verbs/write_remark.h"
#include "storage/peer/peer.h"

Datum
qlm_counts_return(FunctionCallInfo fcinfo, text *response, const QlmWriteCounts *counts)
{
	const char *description = qlm_remark_describe(counts);
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {false};
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function must return a row");
	if (response != NULL)
		values[n++] = PointerGetDatum(response);
	values[n++] = Int64GetDatum(counts->received);
	values[n++] = Int64GetDatum(counts->received - counts->replaced.n -
								counts->repeated - counts->superseded.n);
	values[n++] = Int64GetDatum(counts->replaced.n);
	values[n++] = Int64GetDatum(counts->repeated);
	values[n++] = Int64GetDatum(counts->superseded.n);
	values[n++] = Int64GetDatum(counts->empty.n);
	values[n++] = Int64GetDatum(counts->made.n);
	values[n++] = Int64GetDatum(counts->ahead.n);
	nulls[n] = description == NULL;
	values[n++] = description ? CStringGetTextDatum(description) : (Datum) 0;
	if (desc->natts != n)
		elog(ERROR, "the function must return %d columns", n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
