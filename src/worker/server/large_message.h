/*
 * large_message.h
 *		Large messages run in processes of their own, so that a server worker goes
 *		on answering others meanwhile.
 */
#ifndef QLM_LARGE_MESSAGE_H
#define QLM_LARGE_MESSAGE_H

#include "process/shmem.h"
#include "service/exchange/job.h"
#include "transport/web_server.h"
#include "worker/common/worker.h"
#include "worker/server/url_route.h"

/* Gives an answer back, as that of a message that was run here */
typedef void (*QlmSendAnswer) (QlmWorkerSlot *slot, QlmHttpRequest *request, QlmJob *job);

/* Whose worker this is */
extern void qlm_large_message_init(const QlmWorkerOrder *order, QlmSendAnswer send);

/*
 * Take a request that is to be run elsewhere; false: it is run here, since it is
 * small, waits for something, or nobody else can.
 */
extern bool qlm_large_message_take(QlmHttpRequest *request, const QlmUrlRoute *route);

/* Answer those that are done, and begin the next. */
extern void qlm_large_message_run(QlmWorkerSlot *slot);

/* In how many ms that must be done again; -1: no need */
extern int64 qlm_large_message_due(void);

/* Its client has gone; false: it is not held here. */
extern bool qlm_large_message_left(QlmHttpRequest *request);

/* Have what runs end, and answer all. */
extern void qlm_large_message_end(QlmWorkerSlot *slot);

#endif							/* QLM_LARGE_MESSAGE_H */
