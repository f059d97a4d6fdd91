/*
 * job_held.h
 *		Answers that were held: each leaves with what has come for it.
 */
#ifndef QLM_JOB_HELD_H
#define QLM_JOB_HELD_H

#include "service/exchange/exchange.h"

extern void qlm_held_begin(QlmExchange *exchange);
extern void qlm_held_finish(QlmExchange *exchange);

/* It leaves as it is, with status 200. */
extern void qlm_held_refuse(QlmJob *job, int status, const char *description);

#endif							/* QLM_JOB_HELD_H */
