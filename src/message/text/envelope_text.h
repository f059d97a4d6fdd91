/*
 * envelope_text.h
 *		Messages from and to text, be it XML or JSON: what the layers above use.
 */
#ifndef QLM_ENVELOPE_TEXT_H
#define QLM_ENVELOPE_TEXT_H

#include "lib/stringinfo.h"

#include "message/envelope.h"

/*
 * Parse a message, XML or JSON.  Always returns an envelope, whose dialect is as
 * much as could be learned; *error_code is 0, or 400, 413 or 415 with *error a
 * sentence that says what is wrong and, where it is known, line and column.
 * Never raises an error for anything that data can contain.
 */
extern QlmEnvelope *qlm_envelope_parse(const char *data, Size len,
									   const char *charset,
									   int *error_code, const char **error);

/*
 * Read again what this node has stored, printed by itself or checked when it
 * came; NULL: it is no message.
 */
extern QlmEnvelope *qlm_envelope_from_text(const char *text);

/*
 * Print an envelope in its dialect; nested ones in theirs, but XML in XML and
 * JSON in JSON.
 */
extern void qlm_envelope_print(StringInfo buf, const QlmEnvelope *envelope);

/* The same as a string of its own */
extern char *qlm_envelope_to_text(const QlmEnvelope *envelope);

/* The same as it stands in a result of an envelope in this dialect (nested_text) */
extern char *qlm_envelope_to_nested_text(const QlmEnvelope *nested,
										 const QlmDialect *outer);

#endif							/* QLM_ENVELOPE_TEXT_H */
