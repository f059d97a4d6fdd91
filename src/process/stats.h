/*
 * stats.h
 *		Counters of the workers; the view qlm.stat_worker reads them.
 */
#ifndef QLM_STATS_H
#define QLM_STATS_H

#include "process/shmem.h"

/* Add to a counter of a slot that this process owns; slot may be NULL. */
#define QLM_COUNT(slot, counter, n) \
	do { \
		if (slot) \
			pg_atomic_write_u64(&(slot)->counter, \
								pg_atomic_read_u64(&(slot)->counter) + (n)); \
	} while (0)

#endif							/* QLM_STATS_H */
