/*
 * printer.h
 *		What the printers of envelopes and payloads share.
 */
#ifndef QLM_PRINTER_H
#define QLM_PRINTER_H

#include "base/datetime.h"
#include "message/envelope.h"

#define append_literal(buf, text) \
	appendBinaryStringInfo(buf, text, sizeof(text) - 1)

/* The paper writes empty elements with a blank, and is compared by string. */
static inline void
close_empty(StringInfo buf, const QlmDialect *dialect)
{
	if (dialect->verb_attributes)
		append_literal(buf, " />");
	else
		append_literal(buf, "/>");
}

static inline void
print_time_attribute(StringInfo buf, const char *name, bool given,
					 TimestampTz ts)
{
	if (!given)
		return;
	appendStringInfo(buf, " %s=\"", name);
	qlm_datetime_append(buf, ts);
	appendStringInfoChar(buf, '"');
}

/*
 * The peer's own name for O-DF, whatever the message said when it was
 * queued; any other format by its name.
 */
extern const char *qlm_payload_format(const QlmOdf *odf, const char *opaque,
									  const char *msgformat,
									  const QlmDialect *dialect);

#endif							/* QLM_PRINTER_H */
