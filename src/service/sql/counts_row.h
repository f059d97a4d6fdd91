/*
 * counts_row.h
 *		What writes did, as the row that SQL functions return.
 */
#ifndef QLM_COUNTS_ROW_H
#define QLM_COUNTS_ROW_H

#include "fmgr.h"

#include "storage/write/write_counts.h"

/* The counts as the row that the function returns, after a response if there is one */
extern Datum qlm_counts_return(FunctionCallInfo fcinfo, text *response,
							   const QlmWriteCounts *counts);

#endif							/* QLM_COUNTS_ROW_H */
