/*
 * odf_text.c
 *		Checks O-DF values that SQL writes: they are printed as they are, so
 *		text that is not XML would make a whole envelope invalid.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "storage/validate/odf_text.h"
#include "xml/reader.h"

static void
pass_start(void *state, const QlmXmlElement *element)
{
}

static void
pass_end(void *state)
{
}

static void
pass_text(void *state, const char *text, int len)
{
}

static const QlmXmlHandler pass = {pass_start, pass_end, pass_text};

static void
require_xml(const char *text, int len, const char *column)
{
	QlmXmlReader *reader = qlm_xml_reader_create(&pass, NULL, "UTF-8");

	PG_TRY();
	{
		if (!qlm_xml_reader_feed(reader, "<value>", strlen("<value>")) ||
			!qlm_xml_reader_feed(reader, text, len) ||
			!qlm_xml_reader_feed(reader, "</value>", strlen("</value>")) ||
			!qlm_xml_reader_finish(reader))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_XML_CONTENT),
					 errmsg("is_odf says that the value is O-DF, but %s is not XML", column),
					 errdetail("%s.", qlm_xml_reader_error(reader)->message),
					 errhint("Leave is_odf null for a text.")));
	}
	PG_FINALLY();
	{
		qlm_xml_reader_free(reader);
	}
	PG_END_TRY();
}

static bool
is_odf(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return !isnull && DatumGetBool(value);
}

static text *
text_of(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? NULL : DatumGetTextPP(value);
}

/* Is it the value that the row had before? */
static bool
is_old(const TriggerData *data, const text *now, int flag, int column)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	text	   *before;

	if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
		!is_odf(data->tg_trigtuple, desc, flag))
		return false;
	before = text_of(data->tg_trigtuple, desc, column);
	return before != NULL && VARSIZE_ANY_EXHDR(before) == VARSIZE_ANY_EXHDR(now) &&
		memcmp(VARDATA_ANY(before), VARDATA_ANY(now), VARSIZE_ANY_EXHDR(now)) == 0;
}

void
qlm_odf_text_require_row(const TriggerData *data, HeapTuple tuple, int flag)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			column = SPI_fnumber(desc, "txt");
	text	   *now;

	if (!is_odf(tuple, desc, flag))
		return;
	if (column <= 0)
		column = SPI_fnumber(desc, "value");
	now = column > 0 ? text_of(tuple, desc, column) : NULL;
	if (now != NULL && !is_old(data, now, flag, column))
		require_xml(VARDATA_ANY(now), VARSIZE_ANY_EXHDR(now),
					psprintf("the column %s of qlm.%s", NameStr(TupleDescAttr(desc, column - 1)->attname),
							 RelationGetRelationName(data->tg_relation)));
}
