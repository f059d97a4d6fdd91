/*
 * reply.h
 *		Answers of exchanges, on their way back.
 */
#ifndef QLM_REPLY_H
#define QLM_REPLY_H

#include "process/shmem.h"
#include "service/exchange/job.h"
#include "transport/web_server.h"

/*
 * Give the transport the answer of a job whose transaction has ended, or
 * keep it while it may wait.
 */
extern void qlm_reply_send(QlmWorkerSlot *slot, QlmHttpRequest *request,
						   QlmJob *job);

#endif							/* QLM_REPLY_H */
