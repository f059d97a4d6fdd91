/*
 * response_verb.h
 *		A response that arrives.
 */
#ifndef QLM_RESPONSE_VERB_H
#define QLM_RESPONSE_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_response(QlmExchange *exchange, const QlmRequest *request,
							  QlmRequest *response);

/*
 * Store what a peer answered to our requests, where it may; the code
 * of what may not be stored, 0: there is nothing of the kind
 */
extern int	qlm_results_store(QlmExchange *exchange, List *results);

/*
 * Nothing of a response was executed, and nothing would be if it
 * came again: what it answers is answered with this code.
 */
extern void qlm_response_refused(QlmExchange *exchange, const QlmRequest *request,
								 int code, const char *why);

/* Its peer acknowledges data that are nested in our responses. */
extern void qlm_exchange_acknowledges(QlmExchange *exchange);

#endif							/* QLM_RESPONSE_VERB_H */
