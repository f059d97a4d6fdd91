/*
 * value_free_time.h
 *		Free times for values that came without one.
 */
#ifndef QLM_VALUE_FREE_TIME_H
#define QLM_VALUE_FREE_TIME_H

#include "storage/value/value_row.h"

/*
 * Give each row the first free time that is not before its own, so that their order stays.
 * The rows are sorted by InfoItem and time, and none came with a time.  Returns whether any
 * time has changed.
 */
extern bool qlm_value_free_time_assign(QlmValueRow *rows, int n);

#endif							/* QLM_VALUE_FREE_TIME_H */
