/*
 * value_input.c
 *		Brings values written by plain SQL into the form in which those of
 *		envelopes are stored.
 *
 * A user who inserts a text means the value, and its number is derived here,
 * as sums and averages need it.  So the same value is the same row, whichever
 * way it comes.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/number.h"
#include "storage/core/trigger.h"
#include "storage/replica/restore.h"
#include "storage/validate/valid_row.h"

/* The columns that make up the value */
typedef struct Form
{
	bool		has_num;
	double		num;
	text	   *txt;			/* NULL: none */
	bool		is_odf;
} Form;

static Form
read_form(HeapTuple tuple, TupleDesc desc)
{
	Form		form = {0};
	Datum		value;
	bool		isnull;

	value = heap_getattr(tuple, SPI_fnumber(desc, "num"), desc, &isnull);
	form.has_num = !isnull;
	form.num = isnull ? 0 : DatumGetFloat8(value);
	value = heap_getattr(tuple, SPI_fnumber(desc, "txt"), desc, &isnull);
	form.txt = isnull ? NULL : DatumGetTextPP(value);
	value = heap_getattr(tuple, SPI_fnumber(desc, "is_odf"), desc, &isnull);
	form.is_odf = !isnull && DatumGetBool(value);
	return form;
}

static bool
same_number(const Form *a, const Form *b)
{
	return a->has_num == b->has_num &&
		(!a->has_num || memcmp(&a->num, &b->num, sizeof(double)) == 0);
}

static bool
same_text(const Form *a, const Form *b)
{
	if (a->txt == NULL || b->txt == NULL)
		return a->txt == b->txt;
	return VARSIZE_ANY_EXHDR(a->txt) == VARSIZE_ANY_EXHDR(b->txt) &&
		memcmp(VARDATA_ANY(a->txt), VARDATA_ANY(b->txt), VARSIZE_ANY_EXHDR(a->txt)) == 0;
}

static bool
is_shortest(const Form *form)
{
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN];
	int			len = double_to_shortest_decimal_bufn(form->num, buf);

	return len == VARSIZE_ANY_EXHDR(form->txt) &&
		memcmp(buf, VARDATA_ANY(form->txt), len) == 0;
}

/* Is it a finite number, or a text that counts as one? */
static bool
text_as_number(const Form *form, double *number)
{
	return form->txt != NULL && !form->is_odf &&
		qlm_number_parse(VARDATA_ANY(form->txt), VARSIZE_ANY_EXHDR(form->txt), number);
}

/*
 * Infinity and NaN are kept as text only, as they would spoil every sum.  Text
 * that is not a number may have a number of its own, given by the writer.
 */
static void
normalize(Form *form)
{
	double		number;

	if (form->has_num && !isfinite(form->num))
	{
		if (form->txt == NULL)
		{
			StringInfoData text;

			initStringInfo(&text);
			qlm_double_append(&text, form->num);
			form->txt = cstring_to_text_with_len(text.data, text.len);
		}
		form->has_num = false;
	}
	if (!text_as_number(form, &number))
		return;
	form->num = number;
	form->has_num = true;
	if (is_shortest(form))
		form->txt = NULL;
}

/* If an update changes either the text or the number, the other one follows. */
static void
follow_change(Form *form, const Form *before)
{
	double		number;

	if (same_text(form, before))
	{
		if (!same_number(form, before) && form->has_num &&
			text_as_number(form, &number) && number != form->num)
			form->txt = NULL;
	}
	else if (form->txt != NULL && same_number(form, before))
		form->has_num = false;
}

static HeapTuple
change_row(HeapTuple tuple, TupleDesc desc, const Form *form, bool untyped)
{
	int			columns[3] = {SPI_fnumber(desc, "num"), SPI_fnumber(desc, "txt"), SPI_fnumber(desc, "type")};
	Datum		values[3] = {Float8GetDatum(form->num), PointerGetDatum(form->txt)};
	bool		nulls[3] = {!form->has_num, form->txt == NULL, true};

	return heap_modify_tuple_by_cols(tuple, desc, untyped ? 3 : 2, columns, values, nulls);
}

/* xs:string is the same as no type. */
static bool
is_untyped(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		type = heap_getattr(tuple, SPI_fnumber(desc, "type"), desc, &isnull);
	const text *name;

	if (isnull)
		return false;
	name = DatumGetTextPP(type);
	return VARSIZE_ANY_EXHDR(name) == strlen("xs:string") &&
		memcmp(VARDATA_ANY(name), "xs:string", strlen("xs:string")) == 0;
}

static HeapTuple
in_form(const TriggerData *data, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	Form		given = read_form(tuple, desc);
	Form		form = given;
	bool		untyped = is_untyped(tuple, desc);

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		Form		before = read_form(data->tg_trigtuple, desc);

		follow_change(&form, &before);
	}
	normalize(&form);
	if (!untyped && same_text(&form, &given) && same_number(&form, &given))
		return tuple;
	return change_row(tuple, desc, &form, untyped);
}

PG_FUNCTION_INFO_V1(qlm_trigger_value_form);

/*
 * qlm.value_form(): before INSERT or UPDATE of a row of a partition.  Rows of
 * a dump are left as they are.
 */
Datum
qlm_trigger_value_form(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, QLM_TRIGGER_BEFORE | QLM_TRIGGER_ROW);
	HeapTuple	tuple;

	tuple = qlm_trigger_row(data);
	if (qlm_restore_is_active())
		return PointerGetDatum(tuple);
	qlm_valid_row_require(data);
	return PointerGetDatum(in_form(data, tuple));
}
