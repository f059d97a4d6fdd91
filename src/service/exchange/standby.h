/*
 * standby.h
 *		What a node that is a standby does not do.
 */
#ifndef QLM_STANDBY_H
#define QLM_STANDBY_H

#include "service/exchange/exchange.h"

/* This node is a standby, and the request would write. */
extern bool qlm_request_needs_primary(const QlmRequest *request);

/* Refuse the exchange if all of it would write. */
extern void qlm_exchange_refuse_on_standby(QlmExchange *exchange);

/* Add the result that says so. */
extern void qlm_standby_refuse(QlmRequest *response);

/* May an error of one verb be caught? */
extern bool qlm_exchange_may_guard(const QlmExchange *exchange);

#endif							/* QLM_STANDBY_H */
