/*
 * worker_slot.h
 *		The slot of a worker in shared memory, where there is some: what
 *		qlm.stat_worker shows of it.
 */
#ifndef QLM_WORKER_SLOT_H
#define QLM_WORKER_SLOT_H

#include "process/shmem.h"
#include "worker/common/worker_order.h"

/* Take over the slot of the order, until exit; NULL where there is none. */
extern QlmWorkerSlot *qlm_slot_attach(const QlmWorkerOrder *order);
extern void qlm_slot_report(QlmWorkerSlot *slot, QlmWorkerState state,
							const char *address, const char *error);
extern void qlm_slot_error(QlmWorkerSlot *slot, const char *error);

/* That of this process; NULL: it has none */
extern QlmWorkerSlot *qlm_slot_mine(void);

/* Say that it ends to be started again, so that nothing keeps another one from starting. */
extern void qlm_slot_start_again(QlmWorkerSlot *slot);

#endif							/* QLM_WORKER_SLOT_H */
