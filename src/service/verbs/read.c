/*
 * read.c
 *		The one-time read (protocol 3).
 */
#include "postgres.h"

#include "service/payload/payload.h"
#include "service/road/exchange.h"
#include "storage/select/select.h"
#include "storage/select/select_value.h"

static void
add_missing(QlmRequest *response, QlmOdf *missing, const char *description)
{
	QlmResult  *result = qlm_request_add_result(response, 404, description);

	result->odf = missing;
}

void
qlm_verb_read(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	if (request->odf == NULL && request->opaque == NULL)
	{
		/* A heartbeat: it fetches what is piggy-backed. */
		qlm_request_add_result(response, 200, NULL);
		return;
	}
	if (!qlm_verb_has_odf(request, response))
		return;
	if (request->target_device && qlm_read_device(exchange, request, response))
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
