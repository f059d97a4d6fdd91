/*
 * sockets.h
 *		The WebSockets of a server worker: whose they are, and what is pushed
 *		on them.
 */
#ifndef QLM_SOCKETS_H
#define QLM_SOCKETS_H

#include "process/shmem.h"
#include "service/exchange/job.h"
#include "transport/web_server.h"

/* Once: the number of this worker in its database */
extern void qlm_sockets_init(int worker);

/* A message has come on one: say which, and whose it is. */
extern void qlm_sockets_resume(const QlmHttpRequest *request,
							   QlmJob *job);

/* What the message has told of it, once its transaction has committed */
extern void qlm_sockets_note(const QlmHttpRequest *request,
							 const QlmJob *job);

/* Push what waits, and forget those that have ended. */
extern void qlm_sockets_run(QlmWebServer *server, QlmWorkerSlot *slot);

/* In how many ms that must be done again at the latest; -1: no need */
extern int64 qlm_sockets_due(void);

/* The worker ends and closes them: remove what belongs to them. */
extern void qlm_sockets_end(QlmWebServer *server, QlmWorkerSlot *slot);

#endif							/* QLM_SOCKETS_H */
