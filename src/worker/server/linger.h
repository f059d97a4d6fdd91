/*
 * linger.h
 *		Waits a moment for more requests, if that saves flushes.
 */
#ifndef QLM_LINGER_H
#define QLM_LINGER_H

#include "transport/web_server.h"

/* Before a turn: wait for those who are about to come, if few are here. */
extern void qlm_linger_run(QlmWebServer *server);

/* A turn has answered so many, and the server has run since. */
extern void qlm_linger_note(const QlmWebServer *server, int nanswered);

#endif
