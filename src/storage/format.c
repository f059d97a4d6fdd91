/*
 * format.c
 *		Payload formats that an administrator has added: looks up their
 *		functions and calls them.
 *
 * The functions run with the rights of whoever sent the message.  So one runs
 * only if its owner has those rights anyway, or if it runs with its owner's:
 * to add a format must not be a way to the rights of those who use it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "storage/catalog.h"
#include "storage/format.h"
#include "xml/writer.h"

/* A function's name to call it by, and may it run with the rights of $2? */
#define FUNCTION_COLUMNS(p) \
	" (SELECT pg_catalog.format('%I.%I', n.nspname, " p ".proname)" \
	" FROM pg_catalog.pg_namespace n WHERE n.oid = " p ".pronamespace)," \
	" " p ".prosecdef OR pg_catalog.pg_has_role(" p ".proowner, $2, 'USAGE')"

static QlmPlan find_plan = {
	"SELECT f.name, f.reader, f.writer,"
	FUNCTION_COLUMNS("r") "," FUNCTION_COLUMNS("w") ","
	" w.prorettype = 'pg_catalog.xml'::pg_catalog.regtype"
	" FROM qlm.format f"
	" LEFT JOIN pg_catalog.pg_proc r ON r.oid = pg_catalog.to_regprocedure(f.reader)"
	" LEFT JOIN pg_catalog.pg_proc w ON w.oid = pg_catalog.to_regprocedure(f.writer)"
	" WHERE f.name = pg_catalog.lower($1)",
	2, {TEXTOID, OIDOID}
};

/* Where rows go while the arrays for a writer are made */
typedef struct RowArrays
{
	int			n;
	int			capacity;
	Datum	   *columns[4];
	bool	   *nulls[4];
} RowArrays;

static bool
bool_column(int column)
{
	bool		isnull;
	Datum		datum = qlm_spi_datum(0, column, &isnull);

	return !isnull && DatumGetBool(datum);
}

/* The function of one direction; its name at a column, rights at the next */
static const char *
take_function(const char *format, const char *registered, int column)
{
	char	   *name;

	if (registered == NULL)
		return NULL;
	name = qlm_spi_text(0, column);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s of payload format \"%s\" does not exist",
						registered, format)));
	if (!bool_column(column + 1))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s of payload format \"%s\" may not run with your rights",
						registered, format),
				 errdetail("Its owner does not have them."),
				 errhint("Make it SECURITY DEFINER, or give it to an owner who has.")));
	return name;
}

bool
qlm_format_get(const char *name, QlmFormat *format)
{
	Datum		values[2];
	QlmRights	saved;
	bool		found;

	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(GetUserId());
	memset(format, 0, sizeof(QlmFormat));
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&find_plan, values, NULL, 1);
	found = SPI_processed > 0;
	if (found)
	{
		format->name = qlm_spi_text(0, 1);
		format->reader = take_function(format->name, qlm_spi_text(0, 2), 4);
		format->writer = take_function(format->name, qlm_spi_text(0, 3), 6);
		format->writes_xml = bool_column(8);
	}
	SPI_freetuptable(SPI_tuptable);
	qlm_rights_restore(&saved);
	return found;
}

static void
execute(const char *sql, int nargs, Oid *types, Datum *values, long limit)
{
	MemoryContext context = CurrentMemoryContext;
	int			result = SPI_execute_with_args(sql, nargs, types, values, NULL,
											   false, limit);

	/* SPI leaves its own context current. */
	MemoryContextSwitchTo(context);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

/*
 * A plain RAISE EXCEPTION in a reader means that the payload is wrong, which
 * is no failure of this node.
 */
static void
call_reader(const QlmFormat *format, const char *payload)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(payload);
	char	   *sql = psprintf("SELECT r.path::pg_catalog.text, r.ts::pg_catalog.timestamptz,"
							   " r.value::pg_catalog.text, r.type::pg_catalog.text"
							   " FROM %s($1) AS r(path, ts, value, type)",
							   format->reader);

	PG_TRY();
	{
		execute(sql, 1, &type, &value, (long) qlm_max_values + 1);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_RAISE_EXCEPTION)
			error->sqlerrcode = ERRCODE_DATA_EXCEPTION;
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* No other format could give it back. */
static bool
can_be_told(const char *text)
{
	return text == NULL || qlm_xml_can_hold(text);
}

static bool
add_row(QlmRowTree *tree, uint64 i, int *error_code, const char **error)
{
	QlmRow		row = {0};
	bool		isnull;
	Datum		ts = qlm_spi_datum(i, 2, &isnull);

	row.path = qlm_spi_text(i, 1);
	row.value = qlm_spi_text(i, 3);
	row.len = row.value != NULL ? strlen(row.value) : 0;
	row.type = qlm_spi_text(i, 4);
	row.has_ts = !isnull;
	row.ts = isnull ? 0 : DatumGetTimestampTz(ts);
	*error_code = 400;
	if (!can_be_told(row.path) || !can_be_told(row.value) || !can_be_told(row.type))
	{
		*error = psprintf("row " UINT64_FORMAT " of the payload holds a character that no message can hold",
						  i + 1);
		return false;
	}
	if (row.path != NULL && (!row.has_ts || !TIMESTAMP_NOT_FINITE(row.ts)))
	{
		*error_code = 0;
		return qlm_row_tree_add(tree, &row, error_code, error);
	}
	*error = row.path == NULL ? "a row has no path" :
		psprintf("the time of \"%s\" is infinite", row.path);
	return false;
}

QlmOdf *
qlm_format_read(const QlmFormat *format, const char *payload, bool is_request,
				int *error_code, const char **error)
{
	QlmRowTree *tree = qlm_row_tree_create(is_request);
	bool		success = true;

	*error_code = 0;
	*error = NULL;
	call_reader(format, payload);
	for (uint64 i = 0; i < SPI_processed && success; i++)
		success = add_row(tree, i, error_code, error);
	SPI_freetuptable(SPI_tuptable);
	return success ? qlm_row_tree_finish(tree) : NULL;
}

static void
grow(RowArrays *rows)
{
	rows->capacity = Max(rows->capacity * 2, 64);
	for (int i = 0; i < 4; i++)
	{
		Size		datums = rows->capacity * sizeof(Datum);
		Size		nulls = rows->capacity * sizeof(bool);

		rows->columns[i] = rows->n == 0 ? palloc(datums) :
			repalloc_huge(rows->columns[i], datums);
		rows->nulls[i] = rows->n == 0 ? palloc(nulls) :
			repalloc_huge(rows->nulls[i], nulls);
	}
}

static void
put_text(RowArrays *rows, int column, const char *text, int len)
{
	rows->nulls[column][rows->n] = text == NULL;
	rows->columns[column][rows->n] = text == NULL ? (Datum) 0 :
		PointerGetDatum(cstring_to_text_with_len(text, len));
}

static void
put_row(const QlmRow *row, void *arg)
{
	RowArrays  *rows = arg;

	if (rows->n == rows->capacity)
		grow(rows);
	put_text(rows, 0, row->path, strlen(row->path));
	rows->nulls[1][rows->n] = !row->has_ts;
	rows->columns[1][rows->n] = TimestampTzGetDatum(row->ts);
	put_text(rows, 2, row->value, row->len);
	put_text(rows, 3, row->type, row->type ? strlen(row->type) : 0);
	rows->n++;
}

static Datum
make_array(RowArrays *rows, int column, Oid type)
{
	int			lower_bound = 1;
	bool		is_text = type == TEXTOID;

	return PointerGetDatum(construct_md_array(rows->columns[column],
											  rows->nulls[column], 1, &rows->n,
											  &lower_bound, type,
											  is_text ? -1 : 8, !is_text,
											  is_text ? TYPALIGN_INT : TYPALIGN_DOUBLE));
}

char *
qlm_format_write(const QlmFormat *format, const QlmOdf *odf)
{
	static Oid	types[4] = {
		TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID
	};
	RowArrays	rows = {0};
	Datum		values[4];
	char	   *text;

	grow(&rows);
	qlm_rows_visit(odf, put_row, &rows);
	for (int i = 0; i < 4; i++)
		values[i] = make_array(&rows, i, i == 1 ? TIMESTAMPTZOID : TEXTOID);
	execute(psprintf("SELECT %s(ARRAY(SELECT ROW(u.path, u.ts, u.value, u.type)::qlm.payload_row"
					 " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
					 " pg_catalog.unnest($3), pg_catalog.unnest($4))"
					 " WITH ORDINALITY AS u(path, ts, value, type, k) ORDER BY u.k))::pg_catalog.text",
					 format->writer),
			4, types, values, 1);
	text = SPI_processed > 0 ? qlm_spi_text(0, 1) : NULL;
	SPI_freetuptable(SPI_tuptable);
	return text != NULL ? text : pstrdup("");
}
