/*
 * entry.h
 *		The one way in: jobs are run, whatever has brought them.
 */
#ifndef QLM_ENTRY_H
#define QLM_ENTRY_H

#include "service/exchange/job.h"

/*
 * Run jobs as one unit: the caller has started a transaction and keeps
 * or undoes it.  Bad messages become answers.  Anything that the database
 * refuses raises an error where n > 1, so that the caller can roll back and
 * run each alone; for n = 1 it becomes a result, except what asks for a retry
 * (serialization failure, deadlock) or ends the process, and except on a standby.  What may take long or
 * runs code of others is left out where n > 1, and marked apart.  The answers
 * are allocated in their contexts, all else in the current one.
 */
extern void qlm_jobs_run(QlmJob **jobs, int n);

/*
 * Answer a job that could not be run, e.g. 503 after retries.  One that
 * was held has its answer already.
 */
extern void qlm_job_refuse(QlmJob *job, int status, const char *description);

#endif							/* QLM_ENTRY_H */
