/*
 * value_insert.h
 *		Rows into qlm.value.
 */
#ifndef QLM_VALUE_INSERT_H
#define QLM_VALUE_INSERT_H

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

/* What becomes of a row whose time has another value, or the same one */
typedef enum QlmValueFate
{
	QLM_VALUE_SUPERSEDED,		/* a later row of the same time is stored */
	QLM_VALUE_REPEATED,			/* that one is the same; or it is stored already */
	QLM_VALUE_REPLACES			/* it is stored in place of another one */
} QlmValueFate;

/* Told each such row, and the later row if that is the other one, else NULL */
typedef void (*QlmValueListener) (void *arg, const QlmValueRow *row,
								  const QlmValueRow *later, QlmValueFate fate);

/*
 * Insert; the rows are put in order.  Of two with the same given time the last
 * one wins, also over a row that is there already; times that were not given
 * move on to the first microseconds that are free, in order.
 */
extern void qlm_value_insert(QlmValueRow *rows, int n,
							 QlmValueListener listener, void *arg);

#endif							/* QLM_VALUE_INSERT_H */
