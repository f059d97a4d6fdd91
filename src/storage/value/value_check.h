/*
 * value_check.h
 *		Values belong to InfoItems that exist, by whatever statement they come.
 */
#ifndef QLM_STORAGE_VALUE_CHECK_H
#define QLM_STORAGE_VALUE_CHECK_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

/*
 * For a trigger after a statement: an error if one of its new rows names an
 * InfoItem that does not exist.  A session that restores a dump may bring it later.
 */
extern void qlm_values_check(Tuplestorestate *rows, TupleDesc desc);

/*
 * Between these, triggers that the current level fires have nothing to check: who
 * inserts has just looked the InfoItems up.  What their own statements insert is checked.
 */
extern void qlm_values_known_begin(void);
extern void qlm_values_known_end(void);

#endif							/* QLM_STORAGE_VALUE_CHECK_H */
