/*
 * value_order.h
 *		Puts values that arrive together in order, one for each time.
 */
#ifndef QLM_VALUE_ORDER_H
#define QLM_VALUE_ORDER_H

#include "storage/value/value_row.h"

/*
 * Sort by InfoItem and time, and leave one row for each; returns how many
 * there are then.  The observer is told those that are left out.
 */
extern int	qlm_value_order(QlmValueRow *rows, int n,
							const QlmValueObserver *observer);

/* Sort by InfoItem and time. */
extern void qlm_value_order_sort(QlmValueRow *rows, int n);

/*
 * The row of this InfoItem and time among n rows in order; where there is none, the
 * number of the first that comes after it, which may be n.
 */
extern int	qlm_value_order_find(const QlmValueRow *rows, int n, int info_item_id,
								 TimestampTz ts);

#endif							/* QLM_VALUE_ORDER_H */
