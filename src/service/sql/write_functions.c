/*
 * write_functions.c
 *		SQL functions that write values, or build writes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/number.h"
#include "message/text/envelope_text.h"
#include "service/sql/arguments.h"
#include "service/sql/counts_row.h"
#include "service/verbs/write_remark.h"
#include "storage/core/plan.h"
#include "storage/write/write.h"

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

/* The value may be of any declared type. */
Datum
qlm_sql_write(PG_FUNCTION_ARGS)
{
	QlmWrite	write = {0};
	QlmValue   *value;

	write.odf = qlm_item_argument(fcinfo, false, &value);
	run_write(&write);
	PG_RETURN_VOID();
}

/* Without a value no node is created. */
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

	write->odf = qlm_item_argument(fcinfo, false, &value);
	if (!value->has_ts)
	{
		/* With a time the write may be repeated (protocol 7.4.6). */
		value->has_ts = true;
		value->ts = GetCurrentTimestamp();
	}
	PG_RETURN_TEXT_P(cstring_to_text(qlm_envelope_to_text(envelope)));
}

Datum
qlm_sql_number_text(PG_FUNCTION_ARGS)
{
	StringInfoData text;

	initStringInfo(&text);
	qlm_double_append(&text, PG_GETARG_FLOAT8(0));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, text.len));
}
