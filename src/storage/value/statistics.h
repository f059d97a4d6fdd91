/*
 * statistics.h
 *		Statistics of qlm.value as a whole, for the planner.
 */
#ifndef QLM_STATISTICS_H
#define QLM_STATISTICS_H

/* Is it old, or is there none?  Quick. */
extern bool qlm_statistics_are_old(void);

/*
 * Take a sample of all partitions.  That may take seconds, in which nobody waits
 * but who makes a partition.
 */
extern void qlm_statistics_take(void);

#endif							/* QLM_STATISTICS_H */
