/*
 * delete_verb.c
 *		The delete (protocol 6.2): checks whether the request is clear, and
 *		answers it.
 *
 * The innermost elements are deleted, and nothing around them.  An ambiguous
 * request is refused before anything is done.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "service/payload/delete_scope.h"
#include "service/payload/payload.h"
#include "service/payload/verb_payload.h"
#include "service/verbs/delete_verb.h"
#include "storage/select/delete.h"

static void
append_count(StringInfo text, int64 n, const char *one, const char *many)
{
	if (n > 0)
		appendStringInfo(text, "%s" INT64_FORMAT " %s", text->len > 0 ? ", " : "",
						 n, n == 1 ? one : many);
}

static const char *
describe(const QlmDeleted *deleted)
{
	StringInfoData text;

	initStringInfo(&text);
	append_count(&text, deleted->values, "value", "values");
	append_count(&text, deleted->meta_data, "MetaData", "MetaData");
	append_count(&text, deleted->descriptions, "description", "descriptions");
	append_count(&text, deleted->names, "name", "names");
	if (text.len == 0)
		return psprintf(INT64_FORMAT " deleted", deleted->nodes);
	append_count(&text, deleted->nodes, "Object or InfoItem",
				 "Objects and InfoItems");
	appendStringInfoString(&text, " deleted");
	return text.data;
}

static bool
delete_window(const QlmRequest *request, QlmRequest *response, QlmOdf **missing)
{
	TimestampTz begin = request->has_begin ? request->begin : DT_NOBEGIN;
	TimestampTz end = request->has_end ? request->end : DT_NOEND;
	int64		nvalues;

	if (qlm_delete_node_values(request->odf, begin, end, &nvalues, missing) == 0)
		return false;
	qlm_request_add_result(response, 200,
						   psprintf(INT64_FORMAT " value%s deleted", nvalues,
									nvalues == 1 ? "" : "s"));
	return true;
}

static bool
delete_named(const QlmRequest *request, QlmRequest *response, QlmOdf **missing)
{
	QlmDeleted	deleted;

	if (!qlm_delete_nodes(request->odf, &deleted, missing))
		return false;
	qlm_request_add_result(response, 200, describe(&deleted));
	return true;
}

/* Returns why the request is refused and sets the code, or NULL. */
static const char *
problem_of(const QlmRequest *request, int *code)
{
	*code = 403;
	if (request->odf->root.objects == NULL)
		return "deleting all Objects at once is refused: name them";
	*code = 501;
	if (request->target_device)
		return "this node cannot delete at a device";
	*code = 400;
	return qlm_delete_problem(request);
}

void
qlm_verb_delete(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	QlmOdf	   *missing;
	const char *problem;
	bool		any;
	int			code;

	if (!qlm_verb_has_odf(request, response))
		return;
	problem = problem_of(request, &code);
	if (problem)
	{
		qlm_request_add_result(response, code, problem);
		return;
	}
	any = request->has_begin || request->has_end ?
		delete_window(request, response, &missing) :
		delete_named(request, response, &missing);
	missing = qlm_payload_missing(request, missing);
	if (missing)
		qlm_request_add_result(response, 404, any ?
							   "part of the request is unknown" : "not found")->odf = missing;
}
