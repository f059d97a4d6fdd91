/*
 * envelope_print.h
 *		Messages to XML.
 */
#ifndef QLM_ENVELOPE_PRINT_H
#define QLM_ENVELOPE_PRINT_H

#include "lib/stringinfo.h"

#include "message/envelope.h"

extern void qlm_envelope_print_xml(StringInfo buf,
								   const QlmEnvelope *envelope);

/* The same within an element of another one in this dialect */
extern void qlm_envelope_print_nested_xml(StringInfo buf,
										  const QlmEnvelope *nested,
										  const QlmDialect *outer);

#endif							/* QLM_ENVELOPE_PRINT_H */
