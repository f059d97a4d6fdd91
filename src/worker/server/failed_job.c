/*
 * failed_job.c
 *		What is answered for a message whose transaction has failed, be it in the
 *		server worker or in a process of its own.
 */
#include "postgres.h"

#include "service/road/entry.h"
#include "worker/server/failed_job.h"

void
qlm_failed_job_refuse(QlmJob *job, QlmVerdict verdict, const char *message)
{
	if (verdict == QLM_VERDICT_FAILED)
		qlm_job_refuse(job, qlm_transaction_code(), message);
	else if (verdict == QLM_VERDICT_AGAIN)
		qlm_job_refuse(job, 503, "Others change the same data now, try again.");
	else
		qlm_job_refuse(job, 503, "The message took longer than qlm.request_timeout.");
}
