/*
 * envelope_json.h
 *		Messages to JSON.
 */
#ifndef QLM_ENVELOPE_JSON_H
#define QLM_ENVELOPE_JSON_H

#include "lib/stringinfo.h"

#include "message/envelope.h"

extern void qlm_envelope_print_json(StringInfo buf,
									const QlmEnvelope *envelope);

/* The same as a member of the object that is being written */
extern void qlm_envelope_print_json_member(StringInfo buf,
										   const QlmEnvelope *envelope);

#endif							/* QLM_ENVELOPE_JSON_H */
