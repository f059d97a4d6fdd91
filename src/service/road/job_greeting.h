/*
 * job_greeting.h
 *		Before the first message on a WebSocket: who is there?
 */
#ifndef QLM_JOB_GREETING_H
#define QLM_JOB_GREETING_H

#include "service/exchange/exchange.h"

extern void qlm_greeting_begin(QlmExchange *exchange);
extern void qlm_greeting_finish(QlmExchange *exchange);
extern void qlm_greeting_refuse(QlmJob *job, int status, const char *description);

#endif							/* QLM_JOB_GREETING_H */
