/*
 * execute.h
 *		Runs one verb with the caller's rights.
 */
#ifndef QLM_EXECUTE_H
#define QLM_EXECUTE_H

#include "service/exchange/exchange.h"

/* Adds its results, which may say why it was not done. */
extern void qlm_exchange_execute(QlmExchange *exchange, const QlmRequest *request);

#endif							/* QLM_EXECUTE_H */
