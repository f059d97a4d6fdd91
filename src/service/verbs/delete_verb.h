/*
 * delete_verb.h
 *		The delete.
 */
#ifndef QLM_DELETE_VERB_H
#define QLM_DELETE_VERB_H

#include "service/exchange/exchange.h"

extern void qlm_verb_delete(QlmExchange *exchange, const QlmRequest *request,
							QlmRequest *response);

#endif							/* QLM_DELETE_VERB_H */
