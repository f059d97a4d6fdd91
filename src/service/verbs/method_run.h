/*
 * method_run.h
 *		The function of a method is run, in its time and a subtransaction.
 */
#ifndef QLM_METHOD_RUN_H
#define QLM_METHOD_RUN_H

#include "service/exchange/exchange.h"
#include "storage/function/handler.h"

/*
 * False: it failed, and *code and *problem say how.  whole: what may go well
 * later is raised instead, so that nothing of the message counts as done.
 */
extern bool qlm_method_run(const QlmExchange *exchange, const QlmHandler *handler,
						   const char *path, const QlmInfoItem *item, bool whole,
						   QlmOdf **odf, int *code, const char **problem);

#endif							/* QLM_METHOD_RUN_H */
