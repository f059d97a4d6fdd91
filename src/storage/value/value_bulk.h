/*
 * value_bulk.h
 *		Rows into one partition of qlm.value without the executor.
 */
#ifndef QLM_VALUE_BULK_H
#define QLM_VALUE_BULK_H

#include "storage/value/value_row.h"

/*
 * Insert the rows as an INSERT of the current user on qlm.value would; false: nothing
 * was done, as they fall into several partitions, or something wants the
 * executor: rights on columns, policies, rules, row triggers, further columns.
 */
extern bool qlm_value_bulk_insert(const QlmValueRow *rows, int n,
								  const QlmValueObserver *observer);

#endif							/* QLM_VALUE_BULK_H */
