/*
 * counted.h
 *		SQL functions that return what writes did.
 */
#ifndef QLM_COUNTED_H
#define QLM_COUNTED_H

#include "fmgr.h"

#include "storage/value/counts.h"

/* The counts as the row that the function returns, after a response if there is one */
extern Datum qlm_counts_return(FunctionCallInfo fcinfo, text *response,
							   const QlmCounts *counts);

#endif							/* QLM_COUNTED_H */
