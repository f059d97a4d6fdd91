/*
 * gather.h
 *		Waits a moment for more requests, where that pays.
 */
#ifndef QLM_WORKER_GATHER_H
#define QLM_WORKER_GATHER_H

#include "transport/http/http_server.h"

/* Before a turn: wait for those who are about to come, if few are here. */
extern void qlm_gather_run(QlmHttpServer *server);

/* A turn has answered so many, and the server has run since. */
extern void qlm_gather_note(const QlmHttpServer *server, int nanswered);

#endif
