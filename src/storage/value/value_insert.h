/*
 * value_insert.h
 *		Rows into qlm.value.
 */
#ifndef QLM_VALUE_INSERT_H
#define QLM_VALUE_INSERT_H

#include "message/odf.h"
#include "storage/value/value_row.h"

/*
 * Insert; the rows are put in order.  Of two with the same given time the last
 * one wins, also over a row that is there already; times that were not given
 * move on to the first microseconds that are free, in order.
 */
extern void qlm_value_insert(QlmValueRow *rows, int n,
							 const QlmValueObserver *observer);

#endif							/* QLM_VALUE_INSERT_H */
