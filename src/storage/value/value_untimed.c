/*
 * value_untimed.c
 *		Which of the values being stored came without a time?
 *
 * Such a value has the time at which this node received it.  A value of a
 * later time may have been committed before, since transactions may wait for
 * each other anywhere.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "storage/value/value_order.h"
#include "storage/value/value_row.h"
#include "storage/value/value_untimed.h"

/* The rows being inserted, if they came in an envelope */
static QlmValueRows current = {NULL, 0};

QlmValueRows
qlm_value_untimed_begin(const QlmValueRow *rows, int n)
{
	QlmValueRows outer = current;

	current.rows = rows;
	current.n = n;
	return outer;
}

void
qlm_value_untimed_end(QlmValueRows outer)
{
	current = outer;
}

/*
 * In plain SQL a default cannot be told from a given time.  But a value of
 * now() or clock_timestamp() in this statement was not given by the device.
 */
static bool
is_of_this_statement(TimestampTz ts)
{
	return ts == GetCurrentTransactionStartTimestamp() ||
		(ts >= GetCurrentStatementStartTimestamp() && ts <= GetCurrentTimestamp());
}

bool
qlm_value_is_untimed(int info_item_id, TimestampTz ts)
{
	int			row = qlm_value_order_find(current.rows, current.n, info_item_id, ts);

	if (row < current.n && current.rows[row].info_item_id == info_item_id &&
		current.rows[row].ts == ts)
		return !current.rows[row].is_given;
	return is_of_this_statement(ts);
}
