/*
 * write_verb.h
 *		The write, of one message and of many at once.
 */
#ifndef QLM_WRITE_VERB_H
#define QLM_WRITE_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_write(QlmExchange *exchange, const QlmRequest *request,
						   QlmRequest *response);

/* Is there nothing else in it, and nothing wrong? */
extern bool qlm_exchange_only_writes(const QlmExchange *exchange);

/* All that exchanges with one role write */
extern void qlm_exchanges_write(QlmExchange **exchanges, int n);

#endif							/* QLM_WRITE_VERB_H */
