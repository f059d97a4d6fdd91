/*
 * heartbeat.h
 *		Calls to peers that have something for this node and cannot call it.
 */
#ifndef QLM_HEARTBEAT_H
#define QLM_HEARTBEAT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "transport/client/http_client.h"

extern void qlm_heartbeats_init(QlmHttpClient *client);

/* The peers to call now (List of QlmHeartbeat *) */
extern void qlm_heartbeats_update(List *heartbeats);

/* Start those that are due. */
extern void qlm_heartbeats_start(void);
extern TimestampTz qlm_heartbeats_due(void);

extern bool qlm_heartbeats_own(const QlmTransfer *transfer);
extern void qlm_heartbeats_finished(QlmTransfer *transfer);

/* Within a transaction: execute what the answers have brought. */
extern bool qlm_heartbeats_to_record(void);
extern void qlm_heartbeats_record(void);

#endif							/* QLM_HEARTBEAT_H */
