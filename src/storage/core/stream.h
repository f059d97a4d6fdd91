/*
 * stream.h
 *		Rows of a prepared statement, one by one as they come.
 */
#ifndef QLM_STREAM_H
#define QLM_STREAM_H

#include "storage/core/catalog.h"

/* No parameter is null.  Without a function rows are dropped. */
extern void qlm_stream(SPIPlanPtr plan, int nargs, const Oid *args,
					   const Datum *values, QlmRowFunction function,
					   void *arg);

#endif							/* QLM_STREAM_H */
