/*
 * errand.h
 *		Large messages run in processes of their own, so that a server worker goes
 *		on answering others meanwhile.
 */
#ifndef QLM_ERRAND_H
#define QLM_ERRAND_H

#include "transport/http/http_server.h"
#include "worker/launcher/slot.h"
#include "worker/server/route.h"

/* Whose worker this is */
extern void qlm_errand_init(const QlmWorkerOrder *order);

/*
 * Take a request that is to be run elsewhere; false: it is run here, since it is
 * small, waits for something, or nobody else can.
 */
extern bool qlm_errand_take(QlmHttpRequest *request, const QlmRoute *route);

/* Answer those that are done, and begin the next. */
extern void qlm_errand_run(QlmWorkerSlot *slot);

/* In how many ms that must be done again; -1: no need */
extern int64 qlm_errand_due(void);

/* Are any held?  Its client has gone; false: it is not held here. */
extern bool qlm_errand_any(void);
extern bool qlm_errand_left(QlmHttpRequest *request);

/* Have what runs end, and answer all. */
extern void qlm_errand_end(QlmWorkerSlot *slot);

extern PGDLLEXPORT void qlm_errand_main(Datum handle);

#endif							/* QLM_ERRAND_H */
