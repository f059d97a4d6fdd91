/*
 * verb_payload.h
 *		Verbs that need Objects as their payload.
 */
#ifndef QLM_VERB_PAYLOAD_H
#define QLM_VERB_PAYLOAD_H

#include "message/envelope.h"

/* Is there an O-DF payload?  If not, adds the result that says so. */
extern bool qlm_verb_has_odf(const QlmRequest *request, QlmRequest *response);

#endif							/* QLM_VERB_PAYLOAD_H */
