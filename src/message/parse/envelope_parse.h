/*
 * envelope_parse.h
 *		The parser of messages, whichever way the events come.
 */
#ifndef QLM_ENVELOPE_PARSE_H
#define QLM_ENVELOPE_PARSE_H

#include "message/parse/parser.h"

/* What takes the events, be they of XML or of JSON */
extern const QlmXmlHandler qlm_envelope_handler;

/* The root's name if it is one, else NULL */
extern const char *qlm_envelope_root(const char *name);

/* An envelope in a result has begun. */
extern void qlm_envelope_parse_nested(QlmParser *p,
									  const QlmXmlElement *element);

/* The current envelope is complete: what is wrong with it, or NULL */
extern const char *qlm_envelope_parse_end(QlmParser *p);

#endif							/* QLM_ENVELOPE_PARSE_H */
