/*
 * identify.h
 *		Who is calling, and with whose rights.
 */
#ifndef QLM_IDENTIFY_H
#define QLM_IDENTIFY_H

#include "service/exchange/exchange.h"

/* Fills in peer and role, or refuses the exchange with 401. */
extern void qlm_exchange_identify(QlmExchange *exchange);

#endif							/* QLM_IDENTIFY_H */
