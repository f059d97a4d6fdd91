/*
 * call_verb.h
 *		The call: what is registered for an InfoItem is run, or the peer that
 *		owns it is asked to.
 */
#ifndef QLM_CALL_VERB_H
#define QLM_CALL_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_call(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);

#endif							/* QLM_CALL_VERB_H */
