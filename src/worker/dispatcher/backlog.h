/*
 * backlog.h
 *		Endpoints that have something due and wait for their turn.
 */
#ifndef QLM_BACKLOG_H
#define QLM_BACKLOG_H

#include "datatype/timestamp.h"

#include "storage/outbox/endpoint.h"
#include "worker/dispatcher/shares.h"

/* Within a transaction: look for what is due; busy: URLs not to be served now */
extern void qlm_backlog_look(List *busy);

/* There is more for an endpoint that was just served: it is last in line. */
extern void qlm_backlog_add(const QlmEndpoint *endpoint);

/* Begin with the first; then the next one, NULL: no more */
extern void qlm_backlog_rewind(void);
extern const QlmEndpoint *qlm_backlog_next(QlmShare *share);

/* The one that next returned last is served now. */
extern void qlm_backlog_remove(void);

/* What was taken was not, after all. */
extern void qlm_backlog_forget(void);

/* When must it look again because something may have been missed? */
extern TimestampTz qlm_backlog_due(void);

#endif							/* QLM_BACKLOG_H */
