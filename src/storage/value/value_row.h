/*
 * value_row.h
 *		A value as a row of qlm.value.
 */
#ifndef QLM_VALUE_ROW_H
#define QLM_VALUE_ROW_H

#include "access/tupdesc.h"

#include "message/odf.h"

typedef struct QlmValueRow
{
	int			info_item_id;
	int			peer_id;
	TimestampTz ts;
	bool		is_given;		/* the time came with the value */
	uint32		arrival;		/* its number among all that came together */
	const QlmValue *value;
} QlmValueRow;

/* What becomes of a row whose time has another value, or the same one */
typedef enum QlmValueFate
{
	QLM_VALUE_SUPERSEDED,		/* a later row of the same time is stored */
	QLM_VALUE_REPEATED,			/* that one is the same; or it is stored already */
	QLM_VALUE_REPLACES			/* it is stored in place of another one */
} QlmValueFate;

/* Who has values inserted, and what he is asked and told meanwhile */
typedef struct QlmValueObserver
{
	/* Does anybody subscribe to one of these rows?  Else no trigger has to look for that. */
	bool		(*are_wanted) (const QlmValueRow *rows, int n);

	/* Told each row with such a fate, and the later row if that is the other one, else NULL */
	void		(*tell) (void *arg, const QlmValueRow *row,
						 const QlmValueRow *later, QlmValueFate fate);
	void	   *arg;
} QlmValueObserver;

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
