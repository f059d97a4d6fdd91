/*
 * counted.h
 *		SQL functions that return what writes did.
 */
#ifndef QLM_COUNTED_H
#define QLM_COUNTED_H

#include "fmgr.h"

#include "storage/write/write_counts.h"

/* The counts as the row that the function returns, after a response if there is one */
extern Datum qlm_counts_return(FunctionCallInfo fcinfo, text *response,
							   const QlmWriteCounts *counts);

#endif							/* QLM_COUNTED_H */
