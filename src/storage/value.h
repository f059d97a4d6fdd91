/*
 * value.h
 *		Rows into qlm.value.
 */
#ifndef QLM_STORAGE_VALUE_H
#define QLM_STORAGE_VALUE_H

#include "message/odf.h"

typedef struct QlmValueRow
{
	int			info_item_id;
	int			peer_id;
	TimestampTz ts;
	bool		is_given;		/* the time came with the value */
	uint32		place;			/* order in which the values came */
	const QlmValue *value;
} QlmValueRow;

/*
 * Insert; the rows are put in order.  Of two with the same given time the last
 * one wins, also over a row that is there already; times that were not given
 * move on to the first microseconds that are free, in order.
 */
extern void qlm_values_insert(QlmValueRow *rows, int n);

#endif							/* QLM_STORAGE_VALUE_H */
