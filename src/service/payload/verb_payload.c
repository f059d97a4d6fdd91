/*
 * verb_payload.c
 *		Checks that verbs have Objects as their payload where they need them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "service/payload/payload.h"
#include "service/payload/verb_payload.h"
#include "storage/peer/peer.h"

#define MAX_NAME_SHOWN	80

/* Returns what is in place of Objects. */
static const char *
wrong_odf(const QlmRequest *request)
{
	const char *text = request->opaque;
	int			len;

	if (!request->opaque_xml || *text != '<')
		return "the payload is a text, which is not O-DF: msgformat says what it is, e.g. csv";
	len = strcspn(++text, " \t\r\n/>");
	return psprintf("the payload is an element %s, where O-DF has Objects",
					pnstrdup(text, pg_mbcliplen(text, len, MAX_NAME_SHOWN)));
}

bool
qlm_verb_has_odf(const QlmRequest *request, QlmRequest *response)
{
	if (request->odf)
		return true;
	if (request->opaque && qlm_payload_is_odf(request->msgformat))
		qlm_request_add_result(response, 400, wrong_odf(request));
	else if (request->opaque)
		qlm_request_add_result(response, 415,
							   psprintf("payload format \"%s\" is not understood",
										request->msgformat));
	else
		qlm_request_add_result(response, 400,
							   psprintf("a %s needs a payload with Objects",
										qlm_verb_name(request->verb)));
	return false;
}
