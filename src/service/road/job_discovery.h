/*
 * job_discovery.h
 *		Data discovery by GET: what is there, below a path.
 */
#ifndef QLM_JOB_DISCOVERY_H
#define QLM_JOB_DISCOVERY_H

#include "service/exchange/exchange.h"

extern void qlm_discovery_begin(QlmExchange *exchange);

/* With the rights of the exchange; what is found is the answer. */
extern void qlm_discovery_execute(QlmExchange *exchange);

extern void qlm_discovery_finish(QlmExchange *exchange);

/* Answer this instead; what may not be seen is as if it were not there. */
extern void qlm_discovery_refuse(QlmJob *job, int code, const char *description);

#endif							/* QLM_JOB_DISCOVERY_H */
