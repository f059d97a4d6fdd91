/*
 * partition_step.h
 *		Values go from the default partition into their own, step by step.
 */
#ifndef QLM_STORAGE_PARTITION_STEP_H
#define QLM_STORAGE_PARTITION_STEP_H

/*
 * Move so many values, in this transaction, in which others wait; true: there are
 * more, and the next step may follow soon.
 */
extern bool qlm_partition_move_step(int max);

#endif							/* QLM_STORAGE_PARTITION_STEP_H */
