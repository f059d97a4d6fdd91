/*
 * csv_print.c
 *		Writes payloads as comma-separated values.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/number.h"
#include "message/csv/csv_print.h"
#include "message/value_rows.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Quotes a field that a reader would split or trim. */
static void
print_field(StringInfo buf, const char *text, int len)
{
	bool		quote = len == 0 || is_blank(text[0]) || is_blank(text[len - 1]) ||
		text[0] == '#';

	for (int i = 0; i < len && !quote; i++)
		quote = text[i] == ',' || text[i] == '"' || text[i] == '\n' ||
			text[i] == '\r';
	if (!quote)
	{
		appendBinaryStringInfo(buf, text, len);
		return;
	}
	appendStringInfoChar(buf, '"');
	for (int i = 0; i < len; i++)
	{
		if (text[i] == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, text[i]);
	}
	appendStringInfoChar(buf, '"');
}

/*
 * A number without quotes would look like the rest of a value with a decimal
 * comma.
 */
static void
print_type(StringInfo buf, const char *type)
{
	double		number;

	if (qlm_double_parse(type, strlen(type), &number))
		appendStringInfo(buf, "\"%s\"", type);
	else
		print_field(buf, type, strlen(type));
}

static void
print_row(const QlmRow *row, void *arg)
{
	StringInfo	buf = arg;

	print_field(buf, row->path, strlen(row->path));
	appendStringInfoChar(buf, ',');
	if (row->has_ts)
		qlm_datetime_append(buf, row->ts);
	appendStringInfoChar(buf, ',');
	if (row->value != NULL)
		print_field(buf, row->value, row->len);
	appendStringInfoChar(buf, ',');
	if (row->type != NULL)
		print_type(buf, row->type);
	appendStringInfoChar(buf, '\n');
}

void
qlm_csv_print(StringInfo buf, const QlmOdf *odf)
{
	appendStringInfoString(buf, "path,time,value,type\n");
	qlm_rows_visit(odf, print_row, buf);
}
