/*
 * read_verb.h
 *		The one-time read.
 */
#ifndef QLM_READ_VERB_H
#define QLM_READ_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_read(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);

#endif							/* QLM_READ_VERB_H */
