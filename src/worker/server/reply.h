/*
 * reply.h
 *		Answers of exchanges, on their way back.
 */
#ifndef QLM_WORKER_REPLY_H
#define QLM_WORKER_REPLY_H

#include "service/road/exchange.h"
#include "transport/http/http_server.h"
#include "worker/launcher/slot.h"

/*
 * Give the transport the answer of an exchange whose transaction has ended, or
 * keep it while it may wait.
 */
extern void qlm_reply_send(QlmWorkerSlot *slot, QlmHttpRequest *request,
						   QlmExchange *exchange);

#endif							/* QLM_WORKER_REPLY_H */
