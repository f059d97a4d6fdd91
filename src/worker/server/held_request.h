/*
 * held_request.h
 *		The requests of a server worker that wait for something to be queued
 *		for their peers (Prefer: wait), or for what other nodes answer.  They
 *		cost memory, and nothing else.
 */
#ifndef QLM_HELD_REQUEST_H
#define QLM_HELD_REQUEST_H

#include "process/shmem.h"
#include "service/exchange/job.h"
#include "transport/web_server.h"

/* The seconds that a request may wait, 0: not at all */
extern int	qlm_held_request_seconds(const QlmHttpRequest *request);

/* Can one more be held, whether it asks for it or not? */
extern bool qlm_held_request_possible(const QlmHttpRequest *request);

/* Hold a request whose job says so; false: it must be answered. */
extern bool qlm_held_request_hold(QlmHttpRequest *request,
							 const QlmJob *job);

/* A request that has waited is taken up again: with the answer that was held */
extern void qlm_held_request_resume(const QlmHttpRequest *request,
							   QlmJob *job);

/* It is about to be answered. */
extern void qlm_held_request_release(QlmHttpRequest *request);

/* Answer those whose time is up, and put in line those for which something has come. */
extern void qlm_held_request_run(QlmWorkerSlot *slot);

/* Its client has gone. */
extern void qlm_held_request_left(QlmHttpRequest *request, QlmWorkerSlot *slot);

/* In how many ms that must be done again at the latest; -1: no need */
extern int64 qlm_held_request_due(void);

/* Settings have changed: each waits as long as it now may. */
extern void qlm_held_request_reload(void);

/* Answer all as they are; for_good: let nobody wait any more. */
extern void qlm_held_request_end(bool for_good);

/* Bytes of memory that all take, most of it for their answers */
extern Size qlm_held_request_size(void);

#endif							/* QLM_HELD_REQUEST_H */
