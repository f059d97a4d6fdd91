/*
 * reply.h
 *		Answers of exchanges, on their way back.
 */
#ifndef QLM_WORKER_REPLY_H
#define QLM_WORKER_REPLY_H

#include "service/exchange.h"
#include "transport/http_server.h"
#include "worker/slot.h"

/*
 * Give the transport the answer of an exchange whose transaction has ended, or
 * keep it while it may wait.
 */
extern void qlm_reply_send(QlmWorkerSlot *slot, QlmHttpRequest *request,
						   QlmExchange *exchange);

#endif							/* QLM_WORKER_REPLY_H */
