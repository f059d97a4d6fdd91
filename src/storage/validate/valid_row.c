/*
 * valid_row.c
 *		Checks rows that plain SQL writes into tables from which envelopes are
 *		built: their texts, their jsonb, and values said to be O-DF.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "storage/core/trigger.h"
#include "storage/replica/restore.h"
#include "storage/validate/details_shape.h"
#include "storage/validate/odf_text.h"
#include "storage/validate/valid_row.h"
#include "storage/validate/xml_text.h"

static void
require_in_jsonb(Datum datum, const char *what)
{
	Jsonb	   *json = DatumGetJsonbP(datum);
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
		if ((token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM) &&
			value.type == jbvString)
			qlm_xml_text_require_len(value.val.string.val, value.val.string.len, what);
}

/* Checks a column of a row that is inserted or changed. */
static void
require_in_column(const TriggerData *data, const HeapTuple tuple, int column)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	Form_pg_attribute attribute = TupleDescAttr(desc, column - 1);
	const char *what;
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	if (isnull)
		return;
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		Datum		before = heap_getattr(data->tg_trigtuple, column, desc, &isnull);

		if (!isnull && datumIsEqual(value, before, false, -1))
			return;
	}
	what = psprintf("the column %s of qlm.%s", NameStr(attribute->attname),
					RelationGetRelationName(data->tg_relation));
	if (attribute->atttypid == JSONBOID)
	{
		require_in_jsonb(value, what);
		qlm_details_shape_require(RelationGetRelationName(data->tg_relation),
								  NameStr(attribute->attname), value, what);
	}
	else
	{
		text	   *string = DatumGetTextPP(value);

		qlm_xml_text_require_len(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), what);
	}
}

void
qlm_valid_row_require(const TriggerData *data)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	HeapTuple	tuple = qlm_trigger_row(data);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped &&
			(attribute->atttypid == TEXTOID || attribute->atttypid == JSONBOID))
			require_in_column(data, tuple, i + 1);
		else if (!attribute->attisdropped && attribute->atttypid == BOOLOID &&
				 strcmp(NameStr(attribute->attname), "is_odf") == 0)
			qlm_odf_text_require_row(data, tuple, i + 1);
	}
}

PG_FUNCTION_INFO_V1(qlm_trigger_texts_checked);

/*
 * qlm.texts_checked(): before INSERT or UPDATE of a row.  Rows of a dump are
 * not checked, nor columns that an update does not change.
 */
Datum
qlm_trigger_texts_checked(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, QLM_TRIGGER_BEFORE | QLM_TRIGGER_ROW);

	if (!qlm_restore_is_active())
		qlm_valid_row_require(data);
	return PointerGetDatum(qlm_trigger_row(data));
}
