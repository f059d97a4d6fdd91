/*
 * held.h
 *		Which answers wait for something to go with them, or for other nodes.
 */
#ifndef QLM_HELD_H
#define QLM_HELD_H

#include "service/exchange/exchange.h"

/* Once the answer of a message is printed: may, and should, it be held? */
extern void qlm_exchange_hold(QlmExchange *exchange);

/* Nothing has come for an answer that was held: should it wait longer? */
extern void qlm_exchange_hold_on(QlmExchange *exchange);

#endif							/* QLM_HELD_H */
