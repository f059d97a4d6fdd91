/*
 * printer.c
 *		What the printers of envelopes and payloads share.
 */
#include "postgres.h"

#include "message/print/printer.h"

const char *
qlm_payload_format(const QlmOdf *odf, const char *opaque,
				   const char *msgformat, const QlmDialect *dialect)
{
	if (odf != NULL && opaque == NULL)
		return dialect->msgformat;
	if (msgformat != NULL && qlm_dialect_format_is_odf(msgformat))
		return dialect->msgformat;
	return msgformat;
}
