/*
 * read.c
 *		The one-time read (protocol 3) and the delete (protocol 6).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "service/call.h"
#include "service/payload.h"
#include "storage/select.h"

static void
add_missing(QlmRequest *response, QlmOdf *missing, const char *description)
{
	QlmResult  *result = qlm_request_add_result(response, 404, description);

	result->odf = missing;
}

void
qlm_verb_read(QlmCall *call, const QlmRequest *request, QlmRequest *response)
{
	if (request->odf == NULL && request->opaque == NULL)
	{
		/* A heartbeat: it fetches what is piggy-backed. */
		qlm_request_add_result(response, 200, NULL);
		return;
	}
	if (!qlm_verb_has_odf(request, response))
		return;
	if (request->target_device && qlm_read_device(call, request, response))
		return;
	qlm_read_stored(request, response);
}

bool
qlm_read_stored(const QlmRequest *request, QlmRequest *response)
{
	QlmSelector selector = {0};
	QlmOdf	   *found;
	QlmOdf	   *missing;

	selector.newest = request->newest;
	selector.oldest = request->oldest;
	selector.max_levels = request->max_levels;
	selector.all = request->all;
	selector.details = request->details;
	selector.has_begin = request->has_begin;
	selector.has_end = request->has_end;
	selector.begin = request->begin;
	selector.end = request->end;
	qlm_select(request->odf, &selector, &found, &missing);

	/* Readers that exist fail on an InfoItem without a value. */
	if (found && !request->all && !request->details)
		qlm_odf_drop_implied(found);
	missing = qlm_payload_missing(request, missing);
	if (found)
		qlm_request_add_result(response, 200, NULL)->odf = found;
	if (missing)
		add_missing(response, missing,
					found ? "part of the request is unknown" : "not found");
	return found != NULL;
}

void
qlm_verb_delete(QlmCall *call, const QlmRequest *request, QlmRequest *response)
{
	QlmOdf	   *missing;
	int			removed;
	int64		nvalues;

	if (!qlm_verb_has_odf(request, response))
		return;
	if (request->odf->root.objects == NULL)
	{
		qlm_request_add_result(response, 403,
							   "deleting all Objects at once is refused: name them");
		return;
	}
	if (request->has_begin || request->has_end)
	{
		removed = qlm_select_delete_values(request->odf,
										   request->has_begin ? request->begin : DT_NOBEGIN,
										   request->has_end ? request->end : DT_NOEND,
										   &nvalues, &missing);
		if (removed > 0)
			qlm_request_add_result(response, 200,
								   psprintf(INT64_FORMAT " value%s deleted", nvalues,
											nvalues == 1 ? "" : "s"));
	}
	else
	{
		removed = qlm_select_delete(request->odf, &missing);
		if (removed > 0)
			qlm_request_add_result(response, 200, psprintf("%d deleted", removed));
	}
	missing = qlm_payload_missing(request, missing);
	if (missing)
		add_missing(response, missing,
					removed > 0 ? "part of the request is unknown" : "not found");
}
