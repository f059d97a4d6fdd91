/*
 * read_verb.c
 *		The one-time read (protocol 3).
 */
#include "postgres.h"

#include "service/payload/verb_payload.h"
#include "service/verbs/read_device.h"
#include "service/verbs/read_stored.h"
#include "service/verbs/read_verb.h"

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
