/*
 * stand_in.h
 *		Results that stand for the answer of another node until that has come.
 */
#ifndef QLM_STAND_IN_H
#define QLM_STAND_IN_H

#include "service/exchange/exchange.h"
#include "storage/outbox/outbox_outcome.h"

/* The last results stand for the answer to an outbox row. */
extern void qlm_stand_in_add(QlmExchange *exchange, int64 message_id, int nresults,
							 bool device);

/*
 * These results, from first on, stand for the answer to an outbox row,
 * which is in time, can be polled, or will go to the callback.
 */
extern void qlm_exchange_stand_in(QlmExchange *exchange, QlmRequest *response, int first,
								  int64 message_id, bool device);

/*
 * What an outbox row has brought, in place of the results that stand for
 * it.  node NULL: a device was asked.  NIL: nothing that is any use, so they
 * stay.
 */
extern List *qlm_outcome_results(const QlmOutcome *outcome, int64 message_id,
								 const char *node);

/* Has all come that a held answer waits for? */
extern bool qlm_stand_ins_are_final(const QlmHeldAnswer *held);

/* Put in what has come, or why nothing has. */
extern void qlm_stand_in_replace(QlmExchange *exchange);

/* Poll the answer of a node; false: the caller has not asked so */
extern bool qlm_poll_forwarded(QlmExchange *exchange, const char *request_id,
							   QlmRequest *response);

#endif							/* QLM_STAND_IN_H */
