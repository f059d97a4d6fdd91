/*
 * range_statement.h
 *		Statements on one partition of qlm.value, by way of the parent.
 *
 * The span of time stands in the statement itself, so that the planner leaves
 * all other partitions out, while the rights and policies of the parent hold.
 */
#ifndef QLM_RANGE_STATEMENT_H
#define QLM_RANGE_STATEMENT_H

#include "storage/core/plan.h"
#include "storage/partition/partition.h"

#define QLM_RANGE_MAX_ARGS 8

/*
 * A static variable.  The one %s in the text is for the condition on v.ts.
 */
typedef struct QlmRangeStatement
{
	const char *sql;
	int			nargs;
	Oid			args[QLM_RANGE_MAX_ARGS];
} QlmRangeStatement;

/*
 * Execute, without scanning any table from end to end.  Rows go to the
 * function, if there is one.
 */
extern void qlm_range_statement_execute(const QlmRangeStatement *statement,
										const QlmPartitionRange *range, const Datum *params,
										QlmRowFunction function, void *arg);

#endif							/* QLM_RANGE_STATEMENT_H */
