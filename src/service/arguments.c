/*
 * arguments.c
 *		Arguments of SQL functions, some of which may be null.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "service/arguments.h"
#include "service/tree.h"

void
qlm_require_arguments(FunctionCallInfo fcinfo, int n)
{
	for (int i = 0; i < n; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument %d of this function must not be null",
							i + 1)));
}

char *
qlm_text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
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

QlmOdf *
qlm_call_argument(FunctionCallInfo fcinfo, QlmInfoItem **item)
{
	char	   *text = qlm_text_argument(fcinfo, 1);
	char	   *type = qlm_text_argument(fcinfo, 2);
	QlmOdf	   *odf;

	qlm_require_arguments(fcinfo, 1);
	odf = qlm_tree_from_item(qlm_text_argument(fcinfo, 0), item);
	if (text)
	{
		QlmValue   *value = qlm_odf_add_value(odf, *item, text, strlen(text));

		if (type && strcmp(type, "xs:string") != 0)
			value->type = type;
	}
	return odf;
}
