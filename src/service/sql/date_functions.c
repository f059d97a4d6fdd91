/*
 * date_functions.c
 *		SQL functions that take dates in place of times: as a bound, a day
 *		includes all its microseconds in the time zone of the session.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

extern Datum qlm_sql_read(PG_FUNCTION_ARGS);
extern Datum qlm_sql_delete_values(PG_FUNCTION_ARGS);

static TimestampTz
midnight(DateADT day)
{
	return DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz,
												   DateADTGetDatum(day)));
}

/* Converts the arguments begin and end, if they are given. */
static void
days_to_times(FunctionCallInfo fcinfo)
{
	DateADT		day;

	if (!PG_ARGISNULL(1))
		fcinfo->args[1].value = TimestampTzGetDatum(midnight(PG_GETARG_DATEADT(1)));
	if (PG_ARGISNULL(2))
		return;
	day = PG_GETARG_DATEADT(2);
	fcinfo->args[2].value = TimestampTzGetDatum(DATE_NOT_FINITE(day) ? midnight(day) :
												midnight(day + 1) - 1);
}

PG_FUNCTION_INFO_V1(qlm_sql_read_days);

Datum
qlm_sql_read_days(PG_FUNCTION_ARGS)
{
	days_to_times(fcinfo);
	return qlm_sql_read(fcinfo);
}

PG_FUNCTION_INFO_V1(qlm_sql_delete_days);

Datum
qlm_sql_delete_days(PG_FUNCTION_ARGS)
{
	days_to_times(fcinfo);
	return qlm_sql_delete_values(fcinfo);
}
