/*
 * execute_all.h
 *		The verbs of one message: all of them, or none where one is refused for
 *		now.
 */
#ifndef QLM_EXECUTE_ALL_H
#define QLM_EXECUTE_ALL_H

#include "service/exchange/exchange.h"

/* Where one is refused for now, the status is 503 and nothing was done. */
extern void qlm_exchange_execute_all(QlmExchange *exchange);

#endif							/* QLM_EXECUTE_ALL_H */
