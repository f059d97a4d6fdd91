/*
 * value_order.h
 *		Puts values that arrive together in order, one for each time.
 */
#ifndef QLM_VALUE_ORDER_H
#define QLM_VALUE_ORDER_H

#include "storage/value/value_insert.h"

/*
 * Sort by InfoItem and time, and leave one row for each; returns how many
 * there are then.  The listener is told those that are left out.
 */
extern int	qlm_value_order(QlmValueRow *rows, int n,
							QlmValueListener listener, void *arg);

/* Sort by InfoItem and time. */
extern void qlm_value_order_sort(QlmValueRow *rows, int n);

#endif							/* QLM_VALUE_ORDER_H */
