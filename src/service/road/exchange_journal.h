/*
 * exchange_journal.h
 *		What the journal keeps of an exchange.
 */
#ifndef QLM_EXCHANGE_JOURNAL_H
#define QLM_EXCHANGE_JOURNAL_H

#include "service/exchange/exchange.h"

/* Once its answer is there, and it is known whether that is held */
extern void qlm_exchange_write_journal(const QlmExchange *exchange);

#endif							/* QLM_EXCHANGE_JOURNAL_H */
