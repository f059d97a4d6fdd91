/*
 * piggyback.h
 *		Nests what is queued for a peer into the response that it gets anyway.
 */
#ifndef QLM_PIGGYBACK_H
#define QLM_PIGGYBACK_H

#include "service/exchange/exchange.h"
#include "storage/outbox/outbox.h"

/* Nest what is due for the peers of these exchanges. */
extern void qlm_exchanges_piggyback(QlmExchange **exchanges, int n);

/* May the answer carry requests?  be it for a try? */
extern bool qlm_exchange_takes_piggyback(const QlmExchange *exchange);
extern bool qlm_exchange_may_carry(QlmExchange *exchange);

/* How many requests its peer may have unanswered */
extern int	qlm_exchange_outstanding_max(const QlmExchange *exchange);

/* A message as its peer is to read it; NULL: it is none */
extern QlmEnvelope *qlm_exchange_outgoing(const QlmExchange *exchange,
										  const QlmOutboxRow *row);

#endif							/* QLM_PIGGYBACK_H */
