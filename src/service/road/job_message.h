/*
 * job_message.h
 *		Messages: how one is taken in, and how its answer leaves.
 */
#ifndef QLM_JOB_MESSAGE_H
#define QLM_JOB_MESSAGE_H

#include "service/exchange/exchange.h"

extern void qlm_message_begin(QlmExchange *exchange);
extern void qlm_message_finish(QlmExchange *exchange);

/* It could not be run: answer in its dialect, as far as it can be read. */
extern void qlm_message_refuse(QlmJob *job, int status, const char *description);

#endif							/* QLM_JOB_MESSAGE_H */
