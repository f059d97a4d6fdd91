/*
 * partition_drain.h
 *		Values go from the default partition into their own, step by step.
 */
#ifndef QLM_PARTITION_DRAIN_H
#define QLM_PARTITION_DRAIN_H

/*
 * Move so many values, in this transaction, in which others wait; true: there are
 * more, and the next step may follow soon.
 */
extern bool qlm_partition_drain_step(int max);

#endif							/* QLM_PARTITION_DRAIN_H */
