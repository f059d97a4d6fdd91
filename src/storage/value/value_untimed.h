/*
 * value_untimed.h
 *		Which of the values that are being stored came without a time?
 */
#ifndef QLM_VALUE_UNTIMED_H
#define QLM_VALUE_UNTIMED_H

#include "storage/value/value_row.h"

typedef struct QlmValueRows
{
	const QlmValueRow *rows;	/* in order of InfoItem and time */
	int			n;
} QlmValueRows;

/*
 * Between these the rows are being inserted: they tell which times were given.
 * Begin returns what end takes, also after an error, as triggers may insert
 * values in between.
 */
extern QlmValueRows qlm_value_untimed_begin(const QlmValueRow *rows, int n);
extern void qlm_value_untimed_end(QlmValueRows outer);

/* For a trigger after a statement, of one of its new rows */
extern bool qlm_value_is_untimed(int info_item_id, TimestampTz ts);

#endif							/* QLM_VALUE_UNTIMED_H */
