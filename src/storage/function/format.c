/*
 * format.c
 *		Payload formats that an administrator has added: looks up their
 *		functions and calls them.
 *
 * The functions run with the rights of the sender of an envelope, or of the
 * receiver of data, and like all functions of others (function.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/excerpt.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "storage/core/plan.h"
#include "storage/function/format.h"
#include "storage/function/function.h"
#include "xml/writer.h"

#define MAX_NAME		804		/* 200 characters and the final NUL */
#define SUBSCRIBER_MS	500		/* time limit of a writer for a subscriber */
#define PAUSE_MS		60000	/* pause of a writer that took longer */

static QlmPlan find_plan = {
	"SELECT f.name, f.reader, f.writer,"
	" (SELECT e.extnamespace::pg_catalog.regnamespace::pg_catalog.text"
	" FROM pg_catalog.pg_extension e WHERE e.extname = 'qlm')"
	" FROM qlm.format f"
	" WHERE f.name = pg_catalog.lower($1)",
	1, {TEXTOID}
};

/* A format whose writer took too long */
typedef struct LateFormat
{
	char		name[MAX_NAME];
	TimestampTz until;			/* until then it is not called for subscribers */
} LateFormat;

static bool serves_subscribers = false;
static HTAB *late_formats = NULL;

/* Where rows are collected in arrays for a writer */
typedef struct RowArrays
{
	int			n;
	int			capacity;
	Datum	   *columns[4];
	bool	   *nulls[4];
} RowArrays;

/*
 * Looks up the function of one direction.  Returns InvalidOid if none is
 * registered.
 */
static Oid
take_function(const QlmFormat *format, const char *registered,
			  const char *extension_schema, QlmFunction *function)
{
	Oid			oid;

	if (registered == NULL)
		return InvalidOid;
	oid = qlm_function_oid(registered);
	if (!qlm_function_find(oid, extension_schema, function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s of payload format \"%s\" does not exist",
						registered, format->name)));
	if (!qlm_function_may_run(oid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s of payload format \"%s\" may not run with your rights",
						registered, format->name),
				 errdetail("Its owner does not have them."),
				 errhint("Make it SECURITY DEFINER, or change its owner to one that has them.")));
	return oid;
}

bool
qlm_format_get(const char *name, QlmFormat *format)
{
	Datum		values[1];
	bool		found;
	const char *reader = NULL;
	const char *writer = NULL;
	const char *extension_schema = NULL;
	Oid			function;

	values[0] = CStringGetTextDatum(name);
	memset(format, 0, sizeof(QlmFormat));
	qlm_plan_execute_as_owner(&find_plan, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		format->name = qlm_spi_text(0, 1);
		reader = qlm_spi_text(0, 2);
		writer = qlm_spi_text(0, 3);
		extension_schema = qlm_spi_text(0, 4);
	}
	SPI_freetuptable(SPI_tuptable);
	if (!found)
		return false;
	(void) take_function(format, reader, extension_schema, &format->reader);
	function = take_function(format, writer, extension_schema, &format->writer);
	format->writes_xml = OidIsValid(function) && get_func_rettype(function) == XMLOID;
	return true;
}

static void
execute(const char *sql, int nargs, Oid *types, Datum *values, long limit)
{
	MemoryContext context = CurrentMemoryContext;
	int			result = SPI_execute_with_args(sql, nargs, types, values, NULL,
											   false, limit);

	/* SPI leaves another context current. */
	MemoryContextSwitchTo(context);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

/*
 * The function is called by the name of a format, without the caller's
 * knowledge, so nothing that it leaves in the session may run later.
 */
static void
call_function(const QlmFunction *function, void (*work) (void *arg), void *arg)
{
	QlmFunctionCall call = {function, work, arg, .foreign = true, .end = DT_NOEND};
	ErrorData  *error = qlm_function_try(&call);

	if (error)
		ReThrowError(error);
}

static LateFormat *
find_late(const char *name, HASHACTION action)
{
	char		key[MAX_NAME] = {0};
	HASHCTL		control = {0};

	if (late_formats == NULL && action == HASH_FIND)
		return NULL;
	if (late_formats == NULL)
	{
		control.keysize = MAX_NAME;
		control.entrysize = sizeof(LateFormat);
		late_formats = hash_create("qlm late formats", 16, &control,
								   HASH_ELEM | HASH_BLOBS);
	}
	strlcpy(key, name, MAX_NAME);
	return hash_search(late_formats, key, action, NULL);
}

static bool
is_paused(const QlmFormat *format)
{
	const LateFormat *late = find_late(format->name, HASH_FIND);

	if (late == NULL)
		return false;
	if (GetCurrentTimestamp() < late->until)
		return true;
	(void) find_late(format->name, HASH_REMOVE);
	return false;
}

/*
 * The same for a subscriber who gets data of another user's statement.  That
 * statement must not fail: any error is a failure of the function.
 */
static void
call_for_subscriber(const QlmFormat *format, void (*work) (void *arg), void *arg)
{
	QlmFunctionCall call = {&format->writer, work, arg, .foreign = true};
	ErrorData  *error = NULL;

	call.end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SUBSCRIBER_MS);
	call.late = is_paused(format);
	if (!call.late)
	{
		error = qlm_function_try(&call);
		if (call.late)
			find_late(format->name, HASH_ENTER)->until =
				TimestampTzPlusMilliseconds(call.end, PAUSE_MS);
	}
	if (call.late)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the writer of payload format \"%s\" takes too long", format->name),
				 errdetail("It has %d ms, and is not called for a minute when it needs more.",
						   SUBSCRIBER_MS)));
	if (error)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the writer of payload format \"%s\" failed: %s",
						format->name, error->message)));
}

/* A text that XML cannot contain could be returned in no other format. */
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
		*error = psprintf("row " UINT64_FORMAT " of the payload holds a character that messages cannot contain",
						  i + 1);
		return false;
	}
	if (row.path != NULL && (!row.has_ts || !TIMESTAMP_NOT_FINITE(row.ts)))
	{
		*error_code = 0;
		if (qlm_row_tree_add(tree, &row, error_code, error))
			return true;
		*error = psprintf("%s (row " UINT64_FORMAT " of the payload)", *error, i + 1);
		return false;
	}
	*error = row.path == NULL ? "a row has no path" :
		psprintf("the time of \"%s\" is infinite", qlm_excerpt(row.path, -1));
	*error = psprintf("%s (row " UINT64_FORMAT " of the payload)", *error, i + 1);
	return false;
}

/* A payload being read */
typedef struct Reading
{
	const QlmFormat *format;
	const char *payload;
	QlmRowTree *tree;
	bool		success;
	int		   *error_code;
	const char **error;
} Reading;

static void
read_rows(void *arg)
{
	Reading    *reading = arg;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(reading->payload);

	execute(psprintf("SELECT r.path::pg_catalog.text, r.ts::pg_catalog.timestamptz,"
					 " r.value::pg_catalog.text, r.type::pg_catalog.text"
					 " FROM %s($1) AS r(path, ts, value, type)",
					 reading->format->reader.call),
			1, &type, &value, (long) qlm_max_values + 1);
	for (uint64 i = 0; i < SPI_processed && reading->success; i++)
		reading->success = add_row(reading->tree, i, reading->error_code,
								   reading->error);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Returns the error being handled, which is about the payload or a failure of
 * this node.
 */
static ErrorData *
take_error(MemoryContext context, bool is_about_payload)
{
	ErrorData  *raised;

	MemoryContextSwitchTo(context);
	raised = CopyErrorData();
	FlushErrorState();
	if (qlm_sqlstate_code(raised->sqlerrcode, raised->filename) == 400)
		raised->sqlerrcode = is_about_payload ? ERRCODE_DATA_EXCEPTION :
			ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION;
	return raised;
}

/*
 * A plain RAISE EXCEPTION in a reader means that the payload is invalid, which
 * is not a failure of this node.
 */
QlmOdf *
qlm_format_read(const QlmFormat *format, const char *payload, QlmRowsUse use,
				int *error_code, const char **error)
{
	Reading		reading = {format, payload, qlm_row_tree_create(use), true,
	error_code, error};
	MemoryContext context = CurrentMemoryContext;

	*error_code = 0;
	*error = NULL;
	PG_TRY();
	{
		call_function(&format->reader, read_rows, &reading);
	}
	PG_CATCH();
	{
		ReThrowError(take_error(context, true));
	}
	PG_END_TRY();
	if (reading.success && use != QLM_ROWS_DATA &&
		qlm_row_tree_is_empty(reading.tree))
	{
		*error_code = 400;
		*error = "the payload has no path: / selects everything";
		return NULL;
	}
	return reading.success ? qlm_row_tree_finish(reading.tree) : NULL;
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

/* Rows being written */
typedef struct Writing
{
	const QlmFormat *format;
	Datum		columns[4];
	char	   *text;
} Writing;

static void
write_rows(void *arg)
{
	static Oid	types[4] = {
		TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID
	};
	Writing    *writing = arg;

	execute(psprintf("SELECT %s(ARRAY(SELECT ROW(u.path, u.ts, u.value, u.type)::qlm.payload_row"
					 " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
					 " pg_catalog.unnest($3), pg_catalog.unnest($4))"
					 " WITH ORDINALITY AS u(path, ts, value, type, k) ORDER BY u.k))::pg_catalog.text",
					 writing->format->writer.call),
			4, types, writing->columns, 1);
	writing->text = SPI_processed > 0 ? qlm_spi_text(0, 1) : NULL;
	SPI_freetuptable(SPI_tuptable);
}

char *
qlm_format_write(const QlmFormat *format, const QlmOdf *odf)
{
	RowArrays	rows = {0};
	Writing		writing = {format};
	MemoryContext context = CurrentMemoryContext;

	grow(&rows);
	qlm_rows_visit(odf, put_row, &rows);
	for (int i = 0; i < 4; i++)
		writing.columns[i] = make_array(&rows, i, i == 1 ? TIMESTAMPTZOID : TEXTOID);
	PG_TRY();
	{
		if (serves_subscribers)
			call_for_subscriber(format, write_rows, &writing);
		else
			call_function(&format->writer, write_rows, &writing);
	}
	PG_CATCH();
	{
		ReThrowError(take_error(context, false));
	}
	PG_END_TRY();
	if (writing.text != NULL && !qlm_xml_can_hold(writing.text))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("the writer of payload format \"%s\" returned a character that messages cannot contain",
						format->name)));
	return writing.text != NULL ? writing.text : pstrdup("");
}

bool
qlm_format_serve_subscribers(bool serve)
{
	bool		before = serves_subscribers;

	serves_subscribers = serve;
	return before;
}
