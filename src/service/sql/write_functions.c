/*
 * write_functions.c
 *		SQL entry points that write values, or build what writes them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/number.h"
#include "message/envelope.h"
#include "service/sql/arguments.h"
#include "service/sql/counted.h"
#include "service/verbs/remark.h"
#include "storage/core/plan.h"
#include "storage/write/write.h"
#include "storage/write/write_counts.h"
#include "storage/write/write_outcome.h"

PG_FUNCTION_INFO_V1(qlm_sql_write);
PG_FUNCTION_INFO_V1(qlm_sql_write_counted);
PG_FUNCTION_INFO_V1(qlm_sql_write_envelope);
PG_FUNCTION_INFO_V1(qlm_sql_number_text);

static void
run_write(QlmWrite *write)
{
	write->received_at = qlm_write_receipt(1);
	qlm_storage_begin();
	qlm_write_run(write, 1);
	qlm_storage_end();
	if (write->error_code != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", write->error)));
	qlm_remark_count(write, WARNING);
}

/* The value may be of any of the types that the function is declared with. */
Datum
qlm_sql_write(PG_FUNCTION_ARGS)
{
	QlmWrite	write = {0};
	QlmValue   *value;

	write.odf = qlm_item_argument(fcinfo, false, &value);
	run_write(&write);
	PG_RETURN_VOID();
}

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

/* Without a value nothing is made. */
Datum
qlm_sql_write_counted(PG_FUNCTION_ARGS)
{
	QlmWrite	write = {0};
	QlmValue   *value;

	write.odf = qlm_item_argument(fcinfo, true, &value);
	if (value != NULL)
		run_write(&write);
	else
		qlm_write_count_add(&write.counts.empty, 1,
							text_to_cstring(PG_GETARG_TEXT_PP(0)));
	return qlm_counts_return(fcinfo, NULL, &write.counts);
}

Datum
qlm_sql_write_envelope(PG_FUNCTION_ARGS)
{
	QlmEnvelope *envelope = qlm_envelope_create(qlm_dialect_default(), -1);
	QlmRequest *write = qlm_envelope_add_request(envelope, QLM_WRITE);
	QlmValue   *value;
	StringInfoData text;

	write->odf = qlm_item_argument(fcinfo, false, &value);
	if (!value->has_ts)
	{
		/* An explicit time makes a repeated write harmless (protocol 7.4.6). */
		value->has_ts = true;
		value->ts = GetCurrentTimestamp();
	}
	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}

Datum
qlm_sql_number_text(PG_FUNCTION_ARGS)
{
	StringInfoData text;

	initStringInfo(&text);
	qlm_double_append(&text, PG_GETARG_FLOAT8(0));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}
