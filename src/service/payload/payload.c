/*
 * payload.c
 *		Payloads in other formats than O-DF (protocol 1.3): converts them to
 *		trees, so that every verb takes them, and trees to them.
 *
 * The content decides: Objects are O-DF whatever msgformat says.  A payload of
 * unknown format is kept as it came.  Only verbs that have to read it refuse
 * it.
 */
#include "postgres.h"

#include "lib/qunique.h"

#include "message/csv/csv_parse.h"
#include "message/csv/csv_print.h"
#include "message/json/json_events.h"
#include "message/json/odf_json.h"
#include "service/payload/payload.h"
#include "service/payload/tree.h"
#include "storage/core/answer_size.h"
#include "storage/core/subtransaction.h"
#include "storage/function/format.h"
#include "storage/peer/peer.h"
#include "xml/reader.h"

typedef enum PayloadKind
{
	PAYLOAD_ODF,
	PAYLOAD_CSV,
	PAYLOAD_JSON,
	PAYLOAD_OTHER
} PayloadKind;

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (pg_strcasecmp(name, *names) == 0)
			return true;
	return false;
}

static PayloadKind
kind_of(const char *msgformat)
{
	static const char *const csv[] = {"csv", "text/csv", NULL};
	static const char *const json[] = {
		"json", "application/json", "odf+json", "odf.json", NULL
	};

	if (msgformat == NULL || msgformat[0] == '\0' ||
		qlm_dialect_format_is_odf(msgformat))
		return PAYLOAD_ODF;
	if (is_one_of(msgformat, csv))
		return PAYLOAD_CSV;
	return is_one_of(msgformat, json) ? PAYLOAD_JSON : PAYLOAD_OTHER;
}

bool
qlm_payload_is_built_in(const char *msgformat)
{
	return kind_of(msgformat) != PAYLOAD_OTHER;
}

bool
qlm_payload_is_odf(const char *msgformat)
{
	return kind_of(msgformat) == PAYLOAD_ODF;
}

bool
qlm_payload_is_wanted(const char *msgformat)
{
	PayloadKind kind = kind_of(msgformat);
	QlmFormat	format;

	if (kind != PAYLOAD_OTHER)
		return kind != PAYLOAD_ODF;
	return qlm_format_get(msgformat, &format) && format.writer.call != NULL;
}

/*
 * Returns NULL without an error if the format is not known.  A payload without
 * a format, or said to be O-DF, may be O-DF as JSON.
 */
static QlmOdf *
read_payload(const char *msgformat, const char *payload, bool is_xml,
			 QlmVerb verb, bool *by_path, int *error_code,
			 const char **error)
{
	QlmRowsUse	use = verb == QLM_DELETE ? QLM_ROWS_ONLY_PATHS :
		verb == QLM_READ ? QLM_ROWS_PATHS : QLM_ROWS_DATA;
	QlmFormat	format;
	QlmOdf	   *odf;
	PayloadKind kind = kind_of(msgformat);

	*error_code = 0;
	*error = NULL;
	*by_path = false;
	if (is_xml && (kind == PAYLOAD_CSV || kind == PAYLOAD_JSON))
	{
		*error_code = 400;
		*error = psprintf("the payload is XML, not %s", msgformat);
		return NULL;
	}
	switch (kind)
	{
		case PAYLOAD_ODF:
			if (payload[strspn(payload, " \t\r\n")] != '{')
				return NULL;
			return qlm_odf_json_parse(payload, strlen(payload), verb, error_code,
									  error);
		case PAYLOAD_JSON:
			return qlm_odf_json_parse(payload, strlen(payload), verb, error_code,
									  error);
		case PAYLOAD_CSV:
			*by_path = use != QLM_ROWS_DATA;
			return qlm_csv_parse(payload, strlen(payload), verb,
								 error_code, error);
		case PAYLOAD_OTHER:
			break;
	}
	if (!qlm_format_get(msgformat, &format) || format.reader.call == NULL)
		return NULL;
	*by_path = use != QLM_ROWS_DATA;
	odf = qlm_format_read(&format, payload, use, error_code, error);
	if (odf != NULL && verb == QLM_WRITE && odf->root.objects == NULL)
	{
		*error_code = 400;
		*error = psprintf("the reader of the format \"%s\" found no value in the payload",
						  format.name);
		return NULL;
	}
	return odf;
}

const QlmRequest *
qlm_payload_read(const QlmRequest *request)
{
	QlmRequest *copy;

	/* The payload of a poll is ignored. */
	if (request->opaque == NULL || request->odf != NULL ||
		request->request_ids != NIL)
		return request;
	copy = palloc(sizeof(QlmRequest));
	*copy = *request;
	copy->odf = read_payload(request->msgformat, request->opaque,
							 request->opaque_xml, request->verb, &copy->by_path,
							 &copy->error_code, &copy->error);
	return copy;
}

static void
ignore_start(void *state, const QlmXmlElement *element)
{
}

static void
ignore_end(void *state)
{
}

static void
ignore_text(void *state, const char *text, int len)
{
}

/*
 * Is the text an element that can stand in msg as it is, without a declaration
 * or document type before it?
 */
static bool
is_element(const char *text)
{
	static const QlmXmlHandler handler = {ignore_start, ignore_end, ignore_text};
	volatile bool success = false;
	QlmXmlReader *reader;

	if (text[0] != '<' || text[1] == '?' || text[1] == '!')
		return false;
	reader = qlm_xml_reader_create(&handler, NULL, "UTF-8");
	PG_TRY();
	{
		success = qlm_xml_reader_feed(reader, text, strlen(text)) &&
			qlm_xml_reader_finish(reader);
	}
	PG_FINALLY();
	{
		qlm_xml_reader_free(reader);
	}
	PG_END_TRY();
	return success;
}

static void
write_other(QlmResult *result, const char *msgformat)
{
	QlmFormat	format;

	if (!qlm_format_get(msgformat, &format) || format.writer.call == NULL)
		return;
	result->opaque = qlm_format_write(&format, result->odf);
	result->opaque_xml = format.writes_xml && is_element(result->opaque);
}

static void
add_row_sizes(const char *path, QlmInfoItem *item, void *arg)
{
	qlm_answer_size_add((Size) item->nvalues * strlen(path));
}

/*
 * In a table each row repeats the path, so a value takes more than in O-DF.
 * Counts that against the size of the answer.
 */
static void
count_rows(const QlmOdf *odf)
{
	qlm_tree_visit_items(unconstify(QlmOdf *, odf), add_row_sizes, NULL);
}

/* In JSON envelopes O-DF is JSON anyway. */
void
qlm_payload_write(QlmResult *result, const char *msgformat,
				  const QlmDialect *dialect)
{
	PayloadKind kind = kind_of(msgformat);
	StringInfoData buf;

	if (kind == PAYLOAD_ODF || (kind == PAYLOAD_JSON && dialect->json) ||
		result->odf == NULL || result->opaque != NULL ||
		result->code < 200 || result->code >= 300)
		return;
	if (kind != PAYLOAD_JSON)
		count_rows(result->odf);
	if (kind == PAYLOAD_OTHER)
		write_other(result, msgformat);
	else
	{
		initStringInfo(&buf);
		if (kind == PAYLOAD_CSV)
			qlm_csv_print(&buf, result->odf);
		else
			qlm_odf_json_print(&buf, result->odf);
		result->opaque = buf.data;
	}
	if (result->opaque == NULL)
		return;
	result->msgformat = msgformat;
	qlm_answer_size_add_text(result->opaque, strlen(result->opaque));
}

typedef struct GuardedCall
{
	void		(*function) (struct GuardedCall *guarded);
	QlmResult  *result;
	const char *msgformat;
	const QlmDialect *dialect;
	int			error_code;
	const char *error;
} GuardedCall;

/*
 * If there is nobody to whom an error could be told, the functions run in a
 * subtransaction, and the error is that of the call.
 */
static void
call_guarded(GuardedCall *guarded)
{

	QLM_SUBTRANSACTION_TRY();
	{
		guarded->function(guarded);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (qlm_error_must_leave(error) && !qlm_error_is_said(error))
			ReThrowError(error);
		if (qlm_sqlstate_is_shortage(error->sqlerrcode, error->filename))
			ReThrowError(error);
		guarded->error_code =
			ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION ? 400 : 500;
		guarded->error = error->message;
	}
	QLM_SUBTRANSACTION_END();
}

static void
write_guarded(GuardedCall *guarded)
{
	qlm_payload_write(guarded->result, guarded->msgformat, guarded->dialect);
}

void
qlm_payload_write_guarded(QlmResult *result, const char *msgformat,
						  const QlmDialect *dialect)
{
	GuardedCall guarded = {write_guarded, result, msgformat, dialect};

	if (kind_of(msgformat) != PAYLOAD_OTHER)
		write_guarded(&guarded);
	else
		call_guarded(&guarded);
	if (guarded.error_code == 0)
		return;
	result->code = 500;
	result->description = guarded.error;
	result->odf = NULL;
	result->opaque = NULL;
}

static void
read_guarded(GuardedCall *guarded)
{
	QlmResult  *result = guarded->result;
	bool		by_path;

	result->odf = read_payload(result->msgformat, result->opaque,
							   result->opaque_xml, QLM_RESPONSE, &by_path,
							   &guarded->error_code, &guarded->error);
}

void
qlm_payload_read_result(QlmResult *result)
{
	GuardedCall guarded = {read_guarded, result};

	if (result->opaque == NULL || result->odf != NULL)
		return;
	if (kind_of(result->msgformat) != PAYLOAD_OTHER)
		read_guarded(&guarded);
	else
		call_guarded(&guarded);
	result->unread_code = guarded.error_code;
	result->unread = guarded.error;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int
sorted_leaves(const QlmOdf *odf, const char ***paths)
{
	int			n = qlm_tree_leaves(odf, paths);

	qsort(*paths, n, sizeof(char *), compare_paths);
	return n;
}

QlmOdf *
qlm_payload_missing(const QlmRequest *request, QlmOdf *missing)
{
	const char **paths;
	QlmRowTree *tree;
	bool		any = false;
	int			n;

	if (missing == NULL || !request->by_path)
		return missing;
	n = sorted_leaves(missing, &paths);
	tree = qlm_row_tree_create(QLM_ROWS_DATA);
	for (int i = 0; i < n; i++)
	{
		QlmRow		row = {paths[i]};
		int			error_code;
		const char *error;
		bool		twice = i > 0 && strcmp(paths[i], paths[i - 1]) == 0;

		/* a path of one id is an Object */
		if (twice || strchr(paths[i], '/') == NULL)
			any |= qlm_row_tree_add(tree, &row, &error_code, &error);
	}
	missing = qlm_row_tree_finish(tree);
	return any ? missing : NULL;
}

int
qlm_payload_leaves(const QlmRequest *request, const char ***paths)
{
	int			n;

	if (!request->by_path)
		return qlm_tree_leaves(request->odf, paths);
	n = sorted_leaves(request->odf, paths);
	return qunique(*paths, n, sizeof(char *), compare_paths);
}
