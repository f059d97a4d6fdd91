/*
 * arguments.c
 *		Arguments of SQL functions, some of which may be null.
 *
 * Errors name the argument and, if a statement may have many rows, the row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "service/payload/tree.h"
#include "service/sql/arguments.h"
#include "storage/peer/peer.h"
#include "storage/validate/xml_text.h"
#include "xml/writer.h"

/* Characters of a value that errors show */
#define MAX_SHOWN 100

/* Returns the name of an argument, and its declared type. */
static const char *
declared(FunctionCallInfo fcinfo, int n, Oid *type)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Oid		   *types;
	char	  **names;
	char	   *modes;
	const char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	(void) get_func_arg_info(tuple, &types, &names, &modes);
	*type = types[n];
	name = names && names[n][0] != '\0' ? names[n] : psprintf("%d", n + 1);
	ReleaseSysCache(tuple);
	return name;
}

static const char *
argument_name(FunctionCallInfo fcinfo, int n)
{
	Oid			type;

	return declared(fcinfo, n, &type);
}

static const char *
function_name(FunctionCallInfo fcinfo)
{
	return get_func_name(fcinfo->flinfo->fn_oid);
}

void
qlm_require_arguments(FunctionCallInfo fcinfo, int n)
{
	for (int i = 0; i < n; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the argument %s of %s must not be null",
							argument_name(fcinfo, i), function_name(fcinfo))));
}

char *
qlm_any_text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

char *
qlm_text_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *text = qlm_any_text_argument(fcinfo, n);

	if (text != NULL && !qlm_xml_can_hold(text))
		qlm_xml_text_require(text, psprintf("the argument %s of %s",
											argument_name(fcinfo, n), function_name(fcinfo)));
	return text;
}

int
qlm_positive_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	int			value = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);

	if (!PG_ARGISNULL(n) && value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than 0", name)));
	return value;
}

/* Formats a number as xs:double, regardless of extra_float_digits. */
static char *
double_text(double number)
{
	StringInfoData text;

	initStringInfo(&text);
	qlm_double_append(&text, number);
	return text.data;
}

static char *
numeric_text(Datum number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, number));

	if (strcmp(text, "Infinity") == 0)
		return pstrdup("INF");
	return strcmp(text, "-Infinity") == 0 ? pstrdup("-INF") : text;
}

static char *
json_text(Jsonb *json, const char **type)
{
	JsonbValue *scalar;

	if (!JB_ROOT_IS_SCALAR(json))
	{
		*type = "json";			/* as in JSON envelopes */
		return JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
	scalar = getIthJsonbValueFromContainer(&json->root, 0);
	switch (scalar->type)
	{
		case jbvString:
			return pnstrdup(scalar->val.string.val, scalar->val.string.len);
		case jbvNumeric:
			*type = "xs:double";
			return numeric_text(NumericGetDatum(scalar->val.numeric));
		case jbvBool:
			*type = "xs:boolean";
			return pstrdup(scalar->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

static char *
typed_text(FunctionCallInfo fcinfo, int n, Oid declared_type, const char **type)
{
	switch (declared_type)
	{
		case FLOAT8OID:
			*type = "xs:double";
			return double_text(PG_GETARG_FLOAT8(n));
		case NUMERICOID:
			*type = "xs:double";
			return numeric_text(PG_GETARG_DATUM(n));
		case INT8OID:
			*type = "xs:double";
			return psprintf(INT64_FORMAT, PG_GETARG_INT64(n));
		case BOOLOID:
			*type = "xs:boolean";
			return pstrdup(PG_GETARG_BOOL(n) ? "true" : "false");
		case JSONBOID:
			return json_text(PG_GETARG_JSONB_P(n), type);
		default:
			return qlm_any_text_argument(fcinfo, n);
	}
}

char *
qlm_value_argument(FunctionCallInfo fcinfo, int n, const char **type)
{
	Oid			declared_type;

	*type = NULL;
	if (PG_ARGISNULL(n))
		return NULL;
	declared_type = get_fn_expr_argtype(fcinfo->flinfo, n);
	if (!OidIsValid(declared_type))
		(void) declared(fcinfo, n, &declared_type);
	return typed_text(fcinfo, n, declared_type, type);
}

/*
 * Describes the row of an argument by its value and time, as far as they are
 * given.
 */
static const char *
describe_row(FunctionCallInfo fcinfo, const char *value)
{
	StringInfoData text;
	TimestampTz at;

	initStringInfo(&text);
	if (value != NULL)
		appendStringInfo(&text, "The value is \"%.*s\". ",
						 pg_mbcliplen(value, strlen(value), MAX_SHOWN), value);
	if (PG_ARGISNULL(2))
		appendStringInfoString(&text, "No time is given.");
	else
	{
		at = PG_GETARG_TIMESTAMPTZ(2);
		appendStringInfoString(&text, "The time is ");
		if (TIMESTAMP_NOT_FINITE(at))
			appendStringInfoString(&text, at < 0 ? "-infinity" : "infinity");
		else
			qlm_datetime_append(&text, at);
		appendStringInfoChar(&text, '.');
	}
	return text.data;
}

static void
refuse_lack(FunctionCallInfo fcinfo, const char *path, const char *value)
{
	if (path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the argument path of %s must not be null", function_name(fcinfo)),
				 errdetail("%s", describe_row(fcinfo, value))));
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("the argument value of %s must not be null, as it is for \"%.*s\"",
					function_name(fcinfo), pg_mbcliplen(path, strlen(path), MAX_SHOWN), path),
			 errdetail("%s", describe_row(fcinfo, value)),
			 errhint("Leave out what has no value (WHERE value IS NOT NULL), or write it with qlm_write_counted, which counts it.")));
}

static void
refuse_time(const char *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("the time of a value must be finite"),
			 errdetail("The value is for \"%.*s\".",
					   pg_mbcliplen(path, strlen(path), MAX_SHOWN), path)));
}

static const char *
type_argument(FunctionCallInfo fcinfo, int n, const char *own)
{
	const char *type = qlm_text_argument(fcinfo, n);

	if (type == NULL)
		return own;
	return strcmp(type, "xs:string") == 0 ? NULL : type;
}

QlmOdf *
qlm_item_argument(FunctionCallInfo fcinfo, bool may_lack, QlmValue **value)
{
	char	   *path = qlm_any_text_argument(fcinfo, 0);
	const char *type;
	char	   *text = qlm_value_argument(fcinfo, 1, &type);
	QlmInfoItem *item;
	QlmOdf	   *odf;

	if (path == NULL || (text == NULL && !may_lack))
		refuse_lack(fcinfo, path, text);
	qlm_xml_text_require(path, "a path");
	odf = qlm_tree_from_item(path, &item);
	*value = NULL;
	if (text == NULL)
		return odf;
	if (!qlm_xml_can_hold(text))
		qlm_xml_text_require(text, psprintf("the value of \"%.*s\"",
								   pg_mbcliplen(path, strlen(path), MAX_SHOWN), path));
	*value = qlm_odf_add_value(odf, item, text, strlen(text));
	(*value)->type = type_argument(fcinfo, 3, type);
	if (PG_ARGISNULL(2))
		return odf;
	(*value)->has_ts = true;
	(*value)->ts = PG_GETARG_TIMESTAMPTZ(2);
	if (TIMESTAMP_NOT_FINITE((*value)->ts))
		refuse_time(path);
	odf->latest = Max(odf->latest, (*value)->ts);
	return odf;
}

QlmOdf *
qlm_call_argument(FunctionCallInfo fcinfo, QlmInfoItem **item)
{
	const char *type;
	char	   *text = qlm_value_argument(fcinfo, 1, &type);
	QlmOdf	   *odf;

	qlm_require_arguments(fcinfo, 1);
	odf = qlm_tree_from_item(qlm_text_argument(fcinfo, 0), item);
	if (text)
	{
		qlm_xml_text_require(text, "the value of a call");
		qlm_odf_add_value(odf, *item, text, strlen(text))->type =
			type_argument(fcinfo, 2, type);
	}
	return odf;
}
