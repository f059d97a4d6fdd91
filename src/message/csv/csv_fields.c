/*
 * csv_fields.c
 *		Splits a CSV text into records and fields.
 */
#include "postgres.h"

#include <ctype.h>

#include "message/csv/csv_fields.h"

/* Spreadsheets begin their files with this. */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

void
qlm_csv_fields_init(QlmCsvFields *r, const char *text, Size len)
{
	r->p = pnstrdup(text, len);
	r->end = r->p + strlen(r->p);
	if (strncmp(r->p, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		r->p += strlen(BYTE_ORDER_MARK);
	r->separator = ',';
	r->line = r->record_line = 1;
	r->nfields = 0;
	r->error = NULL;
}

static bool
fail(QlmCsvFields *r, const char *sentence)
{
	r->error = sentence;
	return false;
}

/* A carriage return alone may be the end of a line or part of a value. */
static bool
at_lone_return(const QlmCsvFields *r)
{
	return r->p < r->end - 1 && *r->p == '\r' && r->p[1] != '\n';
}

static bool
at_line_end(const QlmCsvFields *r)
{
	return r->p == r->end || *r->p == '\n' || *r->p == '\r';
}

static void
skip_line_end(QlmCsvFields *r)
{
	if (r->p < r->end && *r->p == '\r')
		r->p++;
	if (r->p < r->end && *r->p == '\n')
		r->p++;
	r->line++;
}

const char *
qlm_csv_line_end(const QlmCsvFields *r)
{
	const char *p = r->p;

	while (p < r->end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

void
qlm_csv_skip_line(QlmCsvFields *r)
{
	r->p += qlm_csv_line_end(r) - r->p;
	skip_line_end(r);
}

static const char lone_return[] =
"A carriage return stands alone: lines end in LF or CR LF, and in a value it stands in quotes";

/* If the separator is a tab, it is not part of a field. */
static bool
is_blank(const QlmCsvFields *r, char c)
{
	return (c == ' ' || c == '\t') && c != r->separator;
}

/* Reads from after the opening quote to after the closing one. */
static bool
read_quoted(QlmCsvFields *r, QlmCsvField *field)
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
	while (r->p < r->end && is_blank(r, *r->p))
		r->p++;
	field->len = out - field->text;
	if (at_lone_return(r))
		return fail(r, lone_return);
	if (!at_line_end(r) && *r->p != r->separator)
		return fail(r, psprintf("Something follows the closing quote of field %d",
								r->nfields));
	return true;
}

static bool
read_field(QlmCsvFields *r)
{
	QlmCsvField *field;
	char	   *start = r->p;
	char		separator = r->separator;
	char	   *p;

	if (r->nfields == QLM_CSV_MAX_FIELDS)
		return fail(r, psprintf("There are more than %d fields", QLM_CSV_MAX_FIELDS));
	field = &r->fields[r->nfields++];
	while (start < r->end && is_blank(r, *start))
		start++;
	if (start < r->end && *start == '"')
	{
		r->p = start + 1;
		return read_quoted(r, field);
	}
	field->text = r->p;
	field->quoted = false;
	for (p = r->p; p < r->end; p++)
		if (*p == separator || *p == '\n' || *p == '\r')
			break;
	r->p = p;
	field->len = r->p - field->text;
	return !at_lone_return(r) || fail(r, lone_return);
}

/* The ends of all fields are found before anything is written there. */
bool
qlm_csv_fields_read(QlmCsvFields *r)
{
	bool		more = true;

	r->nfields = 0;
	r->record_line = r->line;
	while (more)
	{
		if (!read_field(r))
			return false;
		more = r->p < r->end && *r->p == r->separator;
		if (more)
			r->p++;
	}
	if (r->p < r->end)
		skip_line_end(r);
	for (int i = 0; i < r->nfields; i++)
		r->fields[i].text[r->fields[i].len] = '\0';
	return true;
}

void
qlm_csv_field_trim(QlmCsvField *field)
{
#define IS_BLANK(c) ((c) == ' ' || (c) == '\t')
	while (field->len > 0 && IS_BLANK(field->text[field->len - 1]))
		field->text[--field->len] = '\0';
	while (field->len > 0 && IS_BLANK(field->text[0]))
	{
		field->text++;
		field->len--;
	}
#undef IS_BLANK
}

/* There may be only blanks before it. */
static bool
is_comment(const QlmCsvFields *r, const char *p)
{
	return *p == '#' && (Size) (p - r->p) == strspn(r->p, " \t");
}

/*
 * A line of blanks begins and ends payloads in indented XML. A line of
 * separators is an empty line of a spreadsheet.
 */
bool
qlm_csv_fields_find(QlmCsvFields *r)
{
	char	   *p = r->p;

	while (p < r->end)
	{
		if (isalnum((unsigned char) *p))	/* most lines */
			return true;
		while (p < r->end && *p != '\0' && strchr(" " QLM_CSV_SEPARATORS, *p) != NULL)
			p++;
		if (p < r->end && *p != '\n' && *p != '\r' && !is_comment(r, p))
			return true;
		if (p < r->end)
			qlm_csv_skip_line(r);
		else
			r->p = p;
		p = r->p;
	}
	return false;
}
