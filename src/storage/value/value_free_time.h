/*
 * value_free_time.h
 *		Free times for values that came without one.
 */
#ifndef QLM_VALUE_FREE_TIME_H
#define QLM_VALUE_FREE_TIME_H

#include "storage/value/value_row.h"

/*
 * Move rows, sorted and none of a given time, to the first times from their
 * own on that are not taken, in the order they have.  Returns whether any
 * moved.
 */
extern bool qlm_value_free_time_assign(QlmValueRow *rows, int n);

#endif							/* QLM_VALUE_FREE_TIME_H */
