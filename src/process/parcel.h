/*
 * parcel.h
 *		Messages that must leave although the transaction that queued them is
 *		still open: another process inserts and commits them.
 */
#ifndef QLM_PARCEL_H
#define QLM_PARCEL_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "process/shmem.h"
#include "storage/outbox/outbox.h"

/*
 * Have a message queued and committed by another process, under a new id,
 * which is returned; 0: it has not been by the deadline, and will not be.  An
 * error where it cannot be.
 */
extern int64 qlm_parcel_send(const QlmOutboxRow *message, TimestampTz deadline);

/* From now on this process, the dispatcher of its database, does it for others. */
extern void qlm_parcel_serve(QlmWorkerSlot *slot);

/* Is there something for this process to queue? */
extern bool qlm_parcel_waits(void);

/*
 * What the process that queues them does: take them, insert them in a
 * transaction, then tell the senders how that ended (NULL: it has committed).
 * Insert may be called again after an error, with fewer of them.
 */
typedef struct QlmParcel QlmParcel;

extern List *qlm_parcel_take(void);
extern QlmParcel *qlm_parcel_open(uint32 handle);
extern void qlm_parcel_insert(QlmParcel *parcel);
extern void qlm_parcel_finish(QlmParcel *parcel, const char *error);

#endif							/* QLM_PARCEL_H */
