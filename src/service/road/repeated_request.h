/*
 * repeated_request.h
 *		Posted requests that are repeated because their answer was lost:
 *		executed once, and answered again.
 */
#ifndef QLM_REPEATED_REQUEST_H
#define QLM_REPEATED_REQUEST_H

#include "service/exchange/exchange.h"

extern bool qlm_request_is_repeatable(const QlmRequest *request);

/* May it be executed twice, with nobody noticing? */
extern bool qlm_envelope_is_repeatable(const QlmEnvelope *envelope);

/* Was the request executed before?  Then it is done, with the same answer. */
extern void qlm_exchange_recall(QlmExchange *exchange);

/* Remember its answer, where it may come again. */
extern void qlm_exchange_remember(QlmExchange *exchange);

#endif							/* QLM_REPEATED_REQUEST_H */
