/*
 * value_order.h
 *		Puts values that arrive together in order, one for each time.
 */
#ifndef QLM_VALUE_ORDER_H
#define QLM_VALUE_ORDER_H

#include "storage/value.h"

/*
 * Sort by InfoItem and time, and leave one row for each; returns how many
 * there are then.
 */
extern int	qlm_value_order(QlmValueRow *rows, int n);

#endif							/* QLM_VALUE_ORDER_H */
