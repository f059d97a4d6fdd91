/*
 * answer_callback.h
 *		One-time requests whose answer goes to a callback.
 */
#ifndef QLM_ANSWER_CALLBACK_H
#define QLM_ANSWER_CALLBACK_H

#include "service/exchange/exchange.h"

/* Does the answer to it go there, rather than data that follow? */
extern bool qlm_wants_answer_callback(const QlmRequest *request);

/*
 * Run it, and queue what it adds to its response for the callback.  The
 * exchange is answered with the requestID under which that comes.
 */
extern void qlm_exchange_answer_callback(QlmExchange *exchange,
										 const QlmRequest *request,
										 void (*run) (QlmExchange *exchange,
													  const QlmRequest *request,
													  QlmRequest *response));

#endif							/* QLM_ANSWER_CALLBACK_H */
