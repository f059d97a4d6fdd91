/*
 * outbox_autonomous.h
 *		Rows that must leave although the transaction that queued them is
 *		still open: another process inserts and commits them.
 */
#ifndef QLM_OUTBOX_AUTONOMOUS_H
#define QLM_OUTBOX_AUTONOMOUS_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "process/shmem.h"
#include "storage/outbox/outbox.h"

/*
 * Have a row queued and committed by another process, under a new id,
 * which is returned; 0: it has not been by the deadline, and will not be.  An
 * error where it cannot be.
 */
extern int64 qlm_autonomous_send(const QlmOutboxRow *row, TimestampTz deadline);

/* From now on this process, the dispatcher of its database, does it for others. */
extern void qlm_autonomous_serve(QlmWorkerSlot *slot);

/* Is there something for this process to queue? */
extern bool qlm_autonomous_waits(void);

/*
 * What the process that queues them does: take them, insert them in a
 * transaction, then tell the senders how that ended (NULL: it has committed).
 * Insert may be called again after an error, with fewer of them.
 */
typedef struct QlmAutonomous QlmAutonomous;

extern List *qlm_autonomous_take(void);
extern QlmAutonomous *qlm_autonomous_open(uint32 handle);
extern void qlm_autonomous_insert(QlmAutonomous *autonomous);
extern void qlm_autonomous_finish(QlmAutonomous *autonomous, const char *error);

#endif							/* QLM_OUTBOX_AUTONOMOUS_H */
