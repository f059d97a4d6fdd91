/*
 * execute_all.h
 *		The verbs of one message: all of them, or none.
 */
#ifndef QLM_EXECUTE_ALL_H
#define QLM_EXECUTE_ALL_H

#include "service/road/exchange.h"

/* All verbs; where one is refused for now, the status is 503 and nothing was done */
extern void qlm_exchange_execute_all(QlmExchange *exchange);

#endif							/* QLM_EXECUTE_ALL_H */
