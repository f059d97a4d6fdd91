/*
 * value_untimed.c
 *		Which of the values that are being stored came without a time?
 *
 * Such a value is of the moment at which this node took it.  Others may have
 * been given a later time and be committed before, since transactions wait for
 * each other in places that have nothing to do with values.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "storage/value/value_order.h"
#include "storage/value/value_row.h"
#include "storage/value/value_untimed.h"

/* What is being inserted; none: nothing that came in a message */
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
 * In plain SQL a default leaves no trace.  But what now() or clock_timestamp()
 * gave in this very statement cannot have come with the value.
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
