/*
 * failed_job.h
 *		What is answered for a message whose transaction has failed.
 */
#ifndef QLM_FAILED_JOB_H
#define QLM_FAILED_JOB_H

#include "service/exchange/job.h"
#include "worker/common/transaction.h"

/*
 * Replaces the answer of a job by a refusal that says why.  The verdict is not
 * QLM_VERDICT_DONE; message: what qlm_transaction_run has said.
 */
extern void qlm_failed_job_refuse(QlmJob *job, QlmVerdict verdict, const char *message);

#endif							/* QLM_FAILED_JOB_H */
