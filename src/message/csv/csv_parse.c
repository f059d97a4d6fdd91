/*
 * csv_parse.c
 *		Reads payloads as comma-separated values: determines the columns, and
 *		makes a row of each line.
 *
 * Spreadsheets, loggers and exports differ in their separators and in what
 * they write around the lines.  The meaning of columns is taken from the
 * header line; nothing is guessed from values.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/datetime_problem.h"
#include "base/excerpt.h"
#include "base/number.h"
#include "base/similar_name.h"
#include "message/csv/csv_fields.h"
#include "message/csv/csv_parse.h"
#include "message/parse/own_time.h"
#include "message/parse/unknown.h"
#include "message/value_rows.h"

typedef enum Column
{
	PATH, TIME, VALUE, TYPE,
	UNIX_TIME,					/* in files whose first line names it */
	NCOLUMNS
} Column;

#define UNNAMED_COLUMNS UNIX_TIME

typedef struct Reader
{
	QlmCsvFields record;
	QlmVerb		verb;
	bool		is_request;		/* only paths count */
	bool		first;			/* it is the first line with fields */
	bool		has_header;
	int			columns[NCOLUMNS];	/* which field it is; -1: none */
	const char *names[NCOLUMNS];	/* as the first line has them */
	List	   *others;			/* which fields have other names; NIL where there
								 * is a column for the time */
	List	   *other_names;	/* theirs */
	int			ncolumns;		/* fields that a line may have */
	int			nlines;			/* without the one that names the columns */
	QlmRowTree *tree;
	int		   *error_code;
	const char **error;
} Reader;

#define COLUMN_NAMES "path, time (dateTime, ts, timestamp), unixTime, value and type"

static bool
fail(Reader *r, const char *sentence)
{
	*r->error_code = 400;
	*r->error = psprintf("%s (line %d of the CSV)", sentence, r->record.record_line);
	return false;
}

/* The same for a column, which has a name or a number */
static bool
fail_in(Reader *r, Column column, const char *sentence)
{
	int			field = r->columns[column] + 1;

	*r->error_code = 400;
	if (r->has_header)
		*r->error = psprintf("%s (line %d of the CSV, field %d: %s)", sentence,
							 r->record.record_line, field, r->names[column]);
	else
		*r->error = psprintf("%s (line %d of the CSV, field %d)", sentence,
							 r->record.record_line, field);
	return false;
}

static const char *const column_names[] = {
	"path", "time", "dateTime", "ts", "timestamp", "value", "type", "unixTime", NULL
};
static const Column named_columns[] = {
	PATH, TIME, TIME, TIME, TIME, VALUE, TYPE, UNIX_TIME
};

static int
column_by_name(const char *name, int len)
{
	for (int i = 0; column_names[i] != NULL; i++)
		if ((int) strlen(column_names[i]) == len &&
			pg_strncasecmp(column_names[i], name, len) == 0)
			return named_columns[i];
	return -1;
}

/*
 * How many fields are names of columns, with this separator?  The name "path"
 * counts more, as others may be part of a text.
 */
static int
weigh_names(const char *p, const char *end, char separator)
{
	int			n = 0;

	while (p < end)
	{
		const char *stop = memchr(p, separator, end - p);
		const char *last = stop != NULL ? stop : end;
		const char *next = last + 1;
		int			column;

		while (p < last && strchr(" \t\"", *p) != NULL)
			p++;
		while (last > p && strchr(" \t\"", last[-1]) != NULL)
			last--;
		column = column_by_name(p, last - p);
		n += column == PATH ? 2 : column >= 0;
		p = next;
	}
	return n;
}

/* Spreadsheets announce the separator in a line of its own: sep=; */
static bool
take_separator_line(Reader *r)
{
	QlmCsvFields *record = &r->record;
	const char *line = record->p;
	int			len = qlm_csv_line_end(record) - line;

	if (len != 5 || pg_strncasecmp(line, "sep=", 4) != 0)
		return false;
	record->record_line = record->line;
	if (strchr(QLM_CSV_SEPARATORS, line[4]) == NULL)
		return fail(r, psprintf("\"%s\" is not a separator: comma, semicolon, tab and | are",
								qlm_excerpt(line + 4, 1)));
	record->separator = line[4];
	qlm_csv_skip_line(record);
	return true;
}

/*
 * The separator is found in the header line.  Without one it is the comma,
 * since texts may contain all the others.
 */
static void
find_separator(QlmCsvFields *record)
{
	const char *end = qlm_csv_line_end(record);
	int			most = 1;

	for (const char *s = QLM_CSV_SEPARATORS; *s != '\0'; s++)
	{
		int			n = weigh_names(record->p, end, *s);

		if (n <= most)
			continue;
		most = n;
		record->separator = *s;
	}
}

/*
 * Unknown columns are ignored.  But it is an error if one is a misspelt known
 * name, or if none is left for the values.
 */
static bool
check_header(Reader *r, const int *columns, List *unknown)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, unknown)
	{
		const char *name = lfirst(lc);
		const char *meant = qlm_similar_name(name, column_names);

		if (meant != NULL)
			return fail(r, psprintf("\"%s\" is not the name of a column: did you mean %s?",
									qlm_excerpt(name, -1), meant));
		if (r->verb == QLM_READ && qlm_unknown_narrows(name))
			return fail(r, psprintf("\"%s\" is not a column, but the read itself has attributes that choose values",
									qlm_excerpt(name, -1)));
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
	}
	if (unknown != NIL && r->verb == QLM_DELETE)
		return fail(r, psprintf("A delete takes paths alone, but there is a column \"%s\"",
								qlm_excerpt(names.data, names.len)));
	if (columns[VALUE] >= 0 || r->is_request)
		return true;
	if (unknown != NIL)
		return fail(r, psprintf("No column is called value, but there is \"%s\": known are " COLUMN_NAMES,
								qlm_excerpt(names.data, names.len)));
	return r->verb != QLM_WRITE ||
		fail(r, "No column is called value, so there is nothing to write");
}

/*
 * A first line with a field "path" is the header.  Returns false if it is not,
 * or if it has an error.
 */
static bool
take_header(Reader *r)
{
	int			columns[NCOLUMNS] = {-1, -1, -1, -1, -1};
	const char *names[NCOLUMNS] = {NULL};
	List	   *unknown = NIL;
	List	   *others = NIL;
	const char *twice = NULL;

	for (int i = 0; i < r->record.nfields; i++)
	{
		QlmCsvField field = r->record.fields[i];
		int			column;

		field.text = pnstrdup(field.text, field.len);
		qlm_csv_field_trim(&field);
		column = column_by_name(field.text, field.len);
		if (column >= 0 && columns[column] < 0)
		{
			columns[column] = i;
			names[column] = field.text;
		}
		else if (column >= 0)
			twice = field.text;
		else if (field.len > 0)
		{
			unknown = lappend(unknown, field.text);
			others = lappend_int(others, i);
		}
	}
	if (columns[PATH] < 0 || !check_header(r, columns, unknown))
		return false;
	if (twice != NULL)
		return fail(r, psprintf("The column \"%s\" is there already, under this name or another",
								qlm_excerpt(twice, -1)));
	memcpy(r->columns, columns, sizeof(columns));
	memcpy(r->names, names, sizeof(names));
	if (columns[TIME] < 0 && columns[UNIX_TIME] < 0)
	{
		r->others = others;
		r->other_names = unknown;
	}
	r->ncolumns = r->record.nfields;
	r->has_header = true;
	return true;
}

static QlmCsvField *
column(Reader *r, Column column)
{
	int			i = r->columns[column];

	return i >= 0 && i < r->record.nfields ? &r->record.fields[i] : NULL;
}

/*
 * Returns the field with the time, or NULL. As in O-DF, a date takes
 * precedence over a number of seconds.
 */
static QlmCsvField *
time_field(Reader *r, Column *which)
{
	static const Column columns[] = {TIME, UNIX_TIME};

	for (int i = 0; i < lengthof(columns); i++)
	{
		QlmCsvField *field = column(r, columns[i]);

		*which = columns[i];
		if (field == NULL)
			continue;
		qlm_csv_field_trim(field);
		if (field->len > 0)
			return field;
	}
	return NULL;
}

/*
 * A first line without digits that is not a valid row is most likely a header
 * with other names.
 */
static bool
check_first_line(Reader *r)
{
	const QlmCsvFields *record = &r->record;
	const QlmCsvField *second = &record->fields[TIME];

	if (record->nfields <= UNNAMED_COLUMNS &&
		(record->nfields <= TIME || strspn(second->text, " \t") == (Size) second->len))
		return true;
	for (int i = 0; i < record->nfields; i++)
		if (strpbrk(record->fields[i].text, "0123456789") != NULL)
			return true;
	return fail(r, psprintf("No column is called path, if this line names them: known are " COLUMN_NAMES "; as a row it has the time \"%s\", which is not valid",
							qlm_excerpt(second->text, second->len)));
}

/*
 * Returns what is wrong with a time; a number belongs to one or the other
 * column.
 */
static const char *
time_problem(Column column, const QlmCsvField *field)
{
	double		number;

	if (column == UNIX_TIME || qlm_double_parse(field->text, field->len, &number))
		return qlm_unixtime_problem(field->text, field->len);
	return qlm_datetime_problem(field->text, field->len);
}

/*
 * If there is no column for the time, but another one contains a date and
 * time, or a time under a similar name, all values would get the time of
 * receipt.
 */
static bool
check_other_columns(Reader *r)
{
	ListCell   *at,
			   *called;

	forboth(at, r->others, called, r->other_names)
	{
		const char *name = lfirst(called);
		QlmCsvField field;
		TimestampTz ts;

		if (lfirst_int(at) >= r->record.nfields)
			break;
		field = r->record.fields[lfirst_int(at)];
		qlm_csv_field_trim(&field);
		if (qlm_own_time_is(name, field.text, field.len) ||
			(memchr(field.text, ':', field.len) != NULL &&
			 qlm_datetime_parse(field.text, field.len, &ts)))
			return fail(r, psprintf("No column is called time, but \"%s\" holds times, as \"%s\": call it time or unixTime, or leave it out",
									qlm_excerpt(name, -1),
									qlm_excerpt(field.text, field.len)));
	}
	return true;
}

static bool
take_time(Reader *r, QlmRow *row)
{
	Column		which;
	QlmCsvField *field = time_field(r, &which);

	if (field == NULL)
		return r->is_request || check_other_columns(r);
	row->has_ts = qlm_datetime_parse(field->text, field->len, &row->ts) ||
		qlm_unixtime_parse(field->text, field->len, &row->ts);
	return row->has_ts ||
		fail_in(r, which, psprintf("The time of \"%s\" is \"%s\", %s",
								   qlm_excerpt(row->path, -1),
								   qlm_excerpt(field->text, field->len),
								   time_problem(which, field)));
}

/*
 * With another separator there is one field, with decimal commas there are too
 * many, apart from the empty ones that spreadsheets append.
 */
static bool
check_fields(Reader *r)
{
	const QlmCsvFields *record = &r->record;
	const QlmCsvField *first = &record->fields[0];

	if (record->nfields == 1 && !r->is_request && !first->quoted)
		for (const char *s = QLM_CSV_SEPARATORS; *s != '\0'; s++)
			if (*s != record->separator && memchr(first->text, *s, first->len))
				return fail(r, psprintf("\"%s\" is one field: fields are separated by \"%s\", unless the first line names the columns, or says sep=;, with another separator",
										qlm_excerpt(first->text, first->len),
										qlm_excerpt(&record->separator, 1)));
	for (int i = r->ncolumns; i < record->nfields; i++)
		if (record->fields[i].len > 0)
			return fail(r, psprintf("The line has %d fields, but there are %d columns, and field %d is \"%s\": a value with a separator in it, as a decimal comma, stands in quotes",
									record->nfields, r->ncolumns, i + 1,
									qlm_excerpt(record->fields[i].text, record->fields[i].len)));
	return true;
}

/* Does it look like the name of a type, though no header says so? */
static bool
looks_like_type(const char *text)
{
	static const char *const names[] = {
		"string", "boolean", "double", "float", "decimal", "integer", "int",
		"long", "short", "byte", "dateTime", "json", "odf", NULL
	};

	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0)
			return true;
	return strpbrk(text, ":/") != NULL && strpbrk(text, " \t\"") == NULL;
}

/* The part of a value after a decimal comma must not become its type. */
static bool
take_type(Reader *r, QlmRow *row)
{
	QlmCsvField *field = column(r, TYPE);
	double		number;

	if (field == NULL)
		return true;
	qlm_csv_field_trim(field);
	if (field->len == 0)
		return true;
	row->type = field->text;
	if (field->quoted || strncmp(field->text, "xs:", 3) == 0 ||
		(!qlm_double_parse(field->text, field->len, &number) &&
		 (r->has_header || looks_like_type(field->text))))
		return true;
	return fail_in(r, TYPE, psprintf("\"%s\" is not a type: a value with a separator in it, as a decimal comma, stands in quotes, and so does a type of such a name",
									 qlm_excerpt(field->text, field->len)));
}

static bool
take_row(Reader *r)
{
	QlmRow		row = {0};
	QlmCsvField *path = column(r, PATH);
	QlmCsvField *value = column(r, VALUE);

	r->nlines++;
	if (r->first && !r->is_request && !check_first_line(r))
		return false;
	if (!check_fields(r))
		return false;
	if (path == NULL)
		return fail(r, psprintf("The line has no field %d, which is the path",
								r->columns[PATH] + 1));
	qlm_csv_field_trim(path);
	if (path->len == 0)
		return fail_in(r, PATH, "The path is empty");
	row.path = path->text;
	if (!take_time(r, &row) || !take_type(r, &row))
		return false;
	if (value != NULL && (value->len > 0 || value->quoted))
	{
		row.value = value->text;
		row.len = value->len;
	}
	if (qlm_row_tree_add(r->tree, &row, r->error_code, r->error))
		return true;
	*r->error = psprintf("%s (line %d of the CSV)", *r->error, r->record.record_line);
	return false;
}

static bool
take_record(Reader *r)
{
	bool		is_header;

	if (!qlm_csv_fields_read(&r->record))
		return fail(r, r->record.error);
	is_header = r->first && take_header(r);
	if (*r->error_code != 0 || (!is_header && !take_row(r)))
		return false;
	r->first = false;
	return true;
}

/* A write without any values is most likely a mistake. */
static bool
check_values(Reader *r, const QlmOdf *odf)
{
	if (r->verb != QLM_WRITE || odf->nvalues > 0)
		return true;
	if (r->nlines == 0)
		return fail(r, "The CSV holds no line with a value");
	return fail_in(r, VALUE, psprintf("Not one of the lines, of which there %s %d, has a value, so there is nothing to write",
									  r->nlines == 1 ? "is" : "are", r->nlines));
}

static bool
read_all(Reader *r)
{
	QlmCsvFields *record = &r->record;

	if (!qlm_csv_fields_find(record))
		return true;
	if (!take_separator_line(r))
		find_separator(record);
	if (*r->error_code != 0)
		return false;
	while (qlm_csv_fields_find(record))
		if (!take_record(r))
			return false;
	return true;
}

QlmOdf *
qlm_csv_parse(const char *text, Size len, QlmVerb verb, int *error_code,
			  const char **error)
{
	Reader		r = {0};
	QlmOdf	   *odf;

	*error_code = 0;
	*error = NULL;
	qlm_csv_fields_init(&r.record, text, len);
	for (int i = 0; i < NCOLUMNS; i++)
		r.columns[i] = i < UNNAMED_COLUMNS ? i : -1;
	r.ncolumns = UNNAMED_COLUMNS;
	r.verb = verb;
	r.is_request = verb == QLM_READ || verb == QLM_DELETE;
	r.first = true;
	r.tree = qlm_row_tree_create(verb == QLM_DELETE ? QLM_ROWS_ONLY_PATHS :
								 r.is_request ? QLM_ROWS_PATHS : QLM_ROWS_DATA);
	r.error_code = error_code;
	r.error = error;
	if (!read_all(&r))
		return NULL;
	if (r.is_request && qlm_row_tree_is_empty(r.tree))
	{
		fail(&r, "The CSV names no path: / is everything");
		return NULL;
	}
	odf = qlm_row_tree_finish(r.tree);
	return check_values(&r, odf) ? odf : NULL;
}
