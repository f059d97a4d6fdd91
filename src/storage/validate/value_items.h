/*
 * value_items.h
 *		Values belong to InfoItems that exist, by whatever statement they come.
 */
#ifndef QLM_VALUE_ITEMS_H
#define QLM_VALUE_ITEMS_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

/*
 * For a trigger after a statement: an error if one of its new rows names an
 * InfoItem that does not exist.  A session that restores a dump may bring it later.
 */
extern void qlm_value_items_check(Tuplestorestate *rows, TupleDesc desc);

/*
 * Between these, triggers that the current level fires have nothing to check: who
 * inserts has just looked the InfoItems up.  What their own statements insert is checked.
 */
extern void qlm_value_items_known_begin(void);
extern void qlm_value_items_known_end(void);

#endif							/* QLM_VALUE_ITEMS_H */
