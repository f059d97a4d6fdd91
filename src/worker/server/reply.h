/*
 * reply.h
 *		Answers of exchanges, on their way back.
 */
#ifndef QLM_WORKER_REPLY_H
#define QLM_WORKER_REPLY_H

#include "service/exchange/job.h"
#include "transport/http/http_server.h"
#include "worker/launcher/slot.h"

/*
 * Give the transport the answer of a job whose transaction has ended, or
 * keep it while it may wait.
 */
extern void qlm_reply_send(QlmWorkerSlot *slot, QlmHttpRequest *request,
						   QlmJob *job);

#endif							/* QLM_WORKER_REPLY_H */
