/*
 * trigger.c
 *		Checks how trigger functions are called, and finds columns of their
 *		rows.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "storage/core/trigger.h"

static bool
fits(TriggerEvent event, int how)
{
	return !((how & QLM_TRIGGER_BEFORE) && !TRIGGER_FIRED_BEFORE(event)) &&
		!((how & QLM_TRIGGER_AFTER) && !TRIGGER_FIRED_AFTER(event)) &&
		!((how & QLM_TRIGGER_ROW) && !TRIGGER_FIRED_FOR_ROW(event)) &&
		!((how & QLM_TRIGGER_STATEMENT) && !TRIGGER_FIRED_FOR_STATEMENT(event));
}

TriggerData *
qlm_trigger_data(FunctionCallInfo fcinfo, int how)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.%s() must be called as a trigger",
						get_func_name(fcinfo->flinfo->fn_oid))));
	if (!fits(data->tg_event, how))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function qlm.%s() must be fired%s%s",
						get_func_name(fcinfo->flinfo->fn_oid),
						how & QLM_TRIGGER_BEFORE ? " BEFORE" : how & QLM_TRIGGER_AFTER ? " AFTER" : "",
						how & QLM_TRIGGER_ROW ? " ROW" : how & QLM_TRIGGER_STATEMENT ? " STATEMENT" : "")));
	return data;
}

HeapTuple
qlm_trigger_row(const TriggerData *data)
{
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event))
		return NULL;
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
		data->tg_newtuple : data->tg_trigtuple;
}

Datum
qlm_trigger_column(const TriggerData *data, HeapTuple row, const char *name, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			number = SPI_fnumber(desc, name);

	if (number <= 0)
		elog(ERROR, "relation \"%s\" has no column \"%s\"",
			 RelationGetRelationName(data->tg_relation), name);
	return SPI_getbinval(row, desc, number, isnull);
}

int
qlm_trigger_int4(const TriggerData *data, HeapTuple row, const char *name)
{
	bool		isnull;
	Datum		id = qlm_trigger_column(data, row, name, &isnull);

	return isnull ? 0 : DatumGetInt32(id);
}

char *
qlm_trigger_text(const TriggerData *data, HeapTuple row, const char *name)
{
	bool		isnull;
	Datum		value = qlm_trigger_column(data, row, name, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}
