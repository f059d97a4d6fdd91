/*
 * value_row.h
 *		A value as a row of qlm.value.
 */
#ifndef QLM_VALUE_ROW_H
#define QLM_VALUE_ROW_H

#include "access/tupdesc.h"

#include "storage/value/value_insert.h"

#define QLM_VALUE_COLUMNS 8

/* Zero at first; rows of one batch share what they have in common. */
typedef struct QlmValueRowState
{
	const char *type_name;
	Datum		type;
} QlmValueRowState;

/* What the columns are, in this order */
extern TupleDesc qlm_value_row_descriptor(void);

/*
 * Fill in the columns of a row.  What they refer to is allocated in the current
 * memory context, the type for as long as the state is used.
 */
extern void qlm_value_row_fill(QlmValueRowState *state, const QlmValueRow *row,
							   Datum *values, bool *nulls);

/* Columns as arrays, for parameters that tell auditors what is written */
#define QLM_VALUE_ROW_ARGS QLM_VALUE_COLUMNS, {INT4ARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, \
	FLOAT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, BOOLARRAYOID}

/* Those of the rows; where nobody audits, empty ones */
extern void qlm_value_row_params(const QlmValueRow *rows, int n,
								 Datum params[QLM_VALUE_COLUMNS]);

#endif							/* QLM_VALUE_ROW_H */
