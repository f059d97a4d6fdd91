/*
 * job_greeting.c
 *		The greeting of a WebSocket: identifies the caller before its first
 *		envelope, if that is possible.  Nothing is answered.
 */
#include "postgres.h"

#include "service/road/identify.h"
#include "service/road/job_greeting.h"
#include "storage/outbox/outbox_nest.h"

void
qlm_greeting_begin(QlmExchange *exchange)
{
	exchange->request = qlm_envelope_create(qlm_dialect_default(), 0);
	qlm_exchange_begin_answer(exchange, &exchange->request->dialect);
	qlm_exchange_identify(exchange);
	if (exchange->job->caller)
		qlm_nest_reconnected(exchange->job->caller->peer_id);
	if (exchange->phase == QLM_PHASE_BEGUN)
		exchange->phase = QLM_PHASE_EXECUTED;
}

void
qlm_greeting_finish(QlmExchange *exchange)
{
	qlm_job_begin_answer(exchange->job);
}

void
qlm_greeting_refuse(QlmJob *job, int status, const char *description)
{
	qlm_job_begin_answer(job);
}
