/*
 * poll_verb.h
 *		The poll of subscriptions, and of answers to what was sent on.
 */
#ifndef QLM_POLL_VERB_H
#define QLM_POLL_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_poll(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);

#endif							/* QLM_POLL_VERB_H */
