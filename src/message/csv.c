/*
 * csv.c
 *		Reads and writes payloads as comma-separated values.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/spelling.h"
#include "message/csv.h"

/* More columns than any file that means values of InfoItems */
#define MAX_FIELDS 64

/* What spreadsheets write first */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

typedef enum Column
{
	PATH, TIME, VALUE, TYPE,
	UNIX_TIME,					/* in files whose first line names it */
	NCOLUMNS
} Column;

#define UNNAMED_COLUMNS UNIX_TIME

typedef struct Field
{
	char	   *text;			/* NUL-terminated */
	int			len;
	bool		quoted;
} Field;

typedef struct Reader
{
	char	   *p;				/* in a copy, which is decoded in place */
	char	   *end;
	int			line;
	int			record_line;	/* where the record began */
	Field		fields[MAX_FIELDS];
	int			nfields;
	int			columns[NCOLUMNS];	/* which field it is; -1: none */
	int			ncolumns;		/* fields that a line may have */
	bool		is_request;
	QlmRowTree *tree;
	int		   *error_code;
	const char **error;
} Reader;

static bool
fail(Reader *r, const char *sentence)
{
	*r->error_code = 400;
	*r->error = psprintf("%s (line %d of the CSV)", sentence, r->record_line);
	return false;
}

/* A carriage return alone, which may be the end of a line or part of a value */
static bool
at_lone_return(const Reader *r)
{
	return r->p < r->end - 1 && *r->p == '\r' && r->p[1] != '\n';
}

static bool
at_line_end(const Reader *r)
{
	return r->p == r->end || *r->p == '\n' || *r->p == '\r';
}

static void
skip_line_end(Reader *r)
{
	if (r->p < r->end && *r->p == '\r')
		r->p++;
	if (r->p < r->end && *r->p == '\n')
		r->p++;
	r->line++;
}

static const char lone_return[] =
"A carriage return stands alone: lines end in LF or CR LF, and in a value it stands in quotes";

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* From behind the opening quote to behind the closing one */
static bool
read_quoted(Reader *r, Field *field)
{
	char	   *out = r->p;

	field->text = r->p;
	field->quoted = true;
	for (;;)
	{
		if (r->p == r->end)
			return fail(r, "A quoted field is not closed");
		if (*r->p == '"' && (r->p + 1 == r->end || r->p[1] != '"'))
			break;
		if (*r->p == '\n')
			r->line++;
		r->p += *r->p == '"' ? 2 : 1;
		*out++ = r->p[-1];
	}
	r->p++;
	while (r->p < r->end && is_blank(*r->p))
		r->p++;
	field->len = out - field->text;
	if (at_lone_return(r))
		return fail(r, lone_return);
	if (!at_line_end(r) && *r->p != ',')
		return fail(r, "Something follows the closing quote of a field");
	return true;
}

static bool
read_field(Reader *r)
{
	Field	   *field;
	char	   *start = r->p;

	if (r->nfields == MAX_FIELDS)
		return fail(r, psprintf("There are more than %d fields", MAX_FIELDS));
	field = &r->fields[r->nfields++];
	while (start < r->end && is_blank(*start))
		start++;
	if (start < r->end && *start == '"')
	{
		r->p = start + 1;
		return read_quoted(r, field);
	}
	field->text = r->p;
	field->quoted = false;
	while (!at_line_end(r) && *r->p != ',')
		r->p++;
	field->len = r->p - field->text;
	return !at_lone_return(r) || fail(r, lone_return);
}

/* Where fields end was read before anything is written there. */
static bool
read_record(Reader *r)
{
	bool		more = true;

	r->nfields = 0;
	r->record_line = r->line;
	while (more)
	{
		if (!read_field(r))
			return false;
		more = r->p < r->end && *r->p == ',';
		if (more)
			r->p++;
	}
	if (r->p < r->end)
		skip_line_end(r);
	for (int i = 0; i < r->nfields; i++)
		r->fields[i].text[r->fields[i].len] = '\0';
	return true;
}

static void
trim(Field *field)
{
	while (field->len > 0 && is_blank(field->text[field->len - 1]))
		field->text[--field->len] = '\0';
	while (field->len > 0 && is_blank(field->text[0]))
	{
		field->text++;
		field->len--;
	}
}

static const char *const column_names[] = {
	"path", "time", "dateTime", "ts", "timestamp", "value", "type", "unixTime", NULL
};
static const Column named_columns[] = {
	PATH, TIME, TIME, TIME, TIME, VALUE, TYPE, UNIX_TIME
};

static int
column_by_name(const char *name)
{
	for (int i = 0; column_names[i] != NULL; i++)
		if (pg_strcasecmp(column_names[i], name) == 0)
			return named_columns[i];
	return -1;
}

/*
 * Columns of other names are left out, but not one that is a slip of a known
 * one, and not all that could be the values.
 */
static bool
check_header(Reader *r, const int *columns, const char *unknown)
{
	const char *meant = unknown == NULL ? NULL :
		qlm_spelling_meant(unknown, column_names);

	if (meant != NULL)
		return fail(r, psprintf("\"%.80s\" is no name of a column: did you mean %s?",
								unknown, meant));
	if (unknown != NULL && columns[VALUE] < 0 && !r->is_request)
		return fail(r, psprintf("No column is called value, but one \"%.80s\"",
								unknown));
	return true;
}

/*
 * A first line with a field "path" names the columns.  False: it is no such
 * line, or a wrong one, of which there is an error.
 */
static bool
take_header(Reader *r)
{
	int			columns[NCOLUMNS] = {-1, -1, -1, -1, -1};
	const char *unknown = NULL;
	const char *twice = NULL;

	for (int i = 0; i < r->nfields; i++)
	{
		Field		field = r->fields[i];
		char	   *text = pnstrdup(field.text, field.len);
		int			column;

		field.text = text;
		trim(&field);
		column = column_by_name(field.text);
		if (column >= 0 && columns[column] < 0)
			columns[column] = i;
		else if (column >= 0)
			twice = field.text;
		else if ( field.len > 0 &&
				 (unknown == NULL ||
				  qlm_spelling_meant(unknown, column_names) == NULL))
			unknown = field.text;
	}
	if (columns[PATH] < 0 || !check_header(r, columns, unknown))
		return false;
	if (twice != NULL)
		return fail(r, psprintf("The column \"%.80s\" is there already, under this name or another", twice));
	memcpy(r->columns, columns, sizeof(columns));
	r->ncolumns = r->nfields;
	return true;
}

static Field *
column(Reader *r, Column column)
{
	int			i = r->columns[column];

	return i >= 0 && i < r->nfields ? &r->fields[i] : NULL;
}

/* As in O-DF a date and time wins over a number of seconds; NULL: neither is there. */
static Field *
time_field(Reader *r)
{
	static const Column columns[] = {TIME, UNIX_TIME};

	for (int i = 0; i < lengthof(columns); i++)
	{
		Field	   *field = column(r, columns[i]);

		if (field == NULL)
			continue;
		trim(field);
		if (field->len > 0)
			return field;
	}
	return NULL;
}

static bool
take_time(Reader *r, QlmRow *row)
{
	Field	   *field = time_field(r);
	const char *unit;

	if (field == NULL)
		return true;
	row->has_ts = qlm_datetime_parse(field->text, field->len, &row->ts) ||
		qlm_unixtime_parse(field->text, field->len, &row->ts);
	if (row->has_ts)
		return true;
	unit = qlm_unixtime_unit(field->text, field->len);
	return fail(r, psprintf("The time \"%.80s\" of %s is no date and time%s",
							field->text, row->path, unit != NULL ? unit : ""));
}

/*
 * Another separator makes one field of all, and a decimal comma makes too many,
 * though not the empty ones that spreadsheets add.
 */
static bool
check_fields(Reader *r)
{
	const Field *first = &r->fields[0];

	if (r->nfields == 1 && !r->is_request && !first->quoted &&
		(memchr(first->text, ';', first->len) || memchr(first->text, '\t', first->len)))
		return fail(r, "Fields are separated by commas, and the line has none");
	for (int i = r->ncolumns; i < r->nfields; i++)
		if (r->fields[i].len > 0)
			return fail(r, psprintf("The line has %d fields, but there are %d columns: a value with a comma stands in quotes",
									r->nfields, r->ncolumns));
	return true;
}

static bool
take_row(Reader *r)
{
	QlmRow		row = {0};
	Field	   *path = column(r, PATH);
	Field	   *value = column(r, VALUE);
	Field	   *type = column(r, TYPE);

	if (!check_fields(r))
		return false;
	if (path == NULL)
		return fail(r, "There is no path");
	trim(path);
	if (path->len == 0)
		return fail(r, "The path is empty");
	row.path = path->text;
	if (!take_time(r, &row))
		return false;
	if (value != NULL && (value->len > 0 || value->quoted))
	{
		row.value = value->text;
		row.len = value->len;
	}
	if (type != NULL)
	{
		trim(type);
		row.type = type->len > 0 ? type->text : NULL;
	}
	if (qlm_row_tree_add(r->tree, &row, r->error_code, r->error))
		return true;
	*r->error = psprintf("%s (line %d of the CSV)", *r->error, r->record_line);
	return false;
}

/* A line of blanks is how a payload in indented XML begins and ends. */
static bool
skip_blank_lines(Reader *r)
{
	char	   *p = r->p;

	while (p < r->end)
	{
		while (p < r->end && is_blank(*p))
			p++;
		if (p < r->end && *p != '\n' && *p != '\r')
			return true;
		r->p = p;
		if (p < r->end)
			skip_line_end(r);
		p = r->p;
	}
	return false;
}

QlmOdf *
qlm_csv_parse(const char *text, Size len, bool is_request, int *error_code,
			  const char **error)
{
	Reader		r = {0};
	bool		first = true;

	*error_code = 0;
	*error = NULL;
	r.p = pnstrdup(text, len);
	r.end = r.p + strlen(r.p);
	if (strncmp(r.p, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		r.p += strlen(BYTE_ORDER_MARK);
	r.line = 1;
	for (int i = 0; i < NCOLUMNS; i++)
		r.columns[i] = i < UNNAMED_COLUMNS ? i : -1;
	r.ncolumns = UNNAMED_COLUMNS;
	r.is_request = is_request;
	r.tree = qlm_row_tree_create(is_request);
	r.error_code = error_code;
	r.error = error;
	while (skip_blank_lines(&r))
	{
		if (!read_record(&r))
			return NULL;
		if (first && take_header(&r))
		{
			first = false;
			continue;
		}
		first = false;
		if (*error_code != 0 || !take_row(&r))
			return NULL;
	}
	return qlm_row_tree_finish(r.tree);
}

/* Quoted where a reader would take it apart or leave something out */
static void
print_field(StringInfo buf, const char *text, int len)
{
	bool		quote = len == 0 || is_blank(text[0]) || is_blank(text[len - 1]);

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
		print_field(buf, row->type, strlen(row->type));
	appendStringInfoChar(buf, '\n');
}

void
qlm_csv_print(StringInfo buf, const QlmOdf *odf)
{
	appendStringInfoString(buf, "path,time,value,type\n");
	qlm_rows_visit(odf, print_row, buf);
}
