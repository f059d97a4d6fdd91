/*
 * row_check.h
 *		Rows that hold secrets, checked before the server checks them.
 */
#ifndef QLM_ROW_CHECK_H
#define QLM_ROW_CHECK_H

#include "access/htup.h"
#include "utils/relcache.h"

/* An error, with nothing of the row, if it is null where it may not be or violates a check. */
extern void qlm_row_check(Relation relation, HeapTuple row);

#endif							/* QLM_ROW_CHECK_H */
