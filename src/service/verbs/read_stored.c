/*
 * read_stored.c
 *		Reads what is stored here.
 */
#include "postgres.h"

#include "service/payload/payload.h"
#include "service/verbs/read_stored.h"
#include "storage/peer/peer.h"
#include "storage/select/select.h"

static void
add_missing(QlmRequest *response, QlmOdf *missing, const char *description)
{
	QlmResult  *result = qlm_request_add_result(response, 404, description);

	result->odf = missing;
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

	/* Existing clients fail on an InfoItem without a value. */
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
