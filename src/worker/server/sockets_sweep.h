/*
 * sockets_sweep.h
 *		Removes from the tables what belongs to WebSockets that have ended.
 *		Used by sockets.c only.
 */
#ifndef QLM_SOCKETS_SWEEP_H
#define QLM_SOCKETS_SWEEP_H

#include "process/shmem.h"

/* Of the worker of this number; is_open: is that a connection of its own? */
extern void qlm_sweep_init(int worker, bool (*is_open) (const char *name));

/* This one has ended. */
extern void qlm_sweep_add(const char *name);

extern void qlm_sweep_run(QlmWorkerSlot *slot);

/* When that must be done again at the latest */
extern TimestampTz qlm_sweep_due(void);

#endif							/* QLM_SOCKETS_SWEEP_H */
