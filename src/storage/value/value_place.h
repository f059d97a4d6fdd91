/*
 * value_place.h
 *		Free times for values that came without one.
 */
#ifndef QLM_STORAGE_VALUE_PLACE_H
#define QLM_STORAGE_VALUE_PLACE_H

#include "storage/value/value.h"

/*
 * Move rows, sorted and none of a given time, to the first times from their
 * own on that are not taken, in the order they have.  Returns whether any
 * moved.
 */
extern bool qlm_values_place(QlmValueRow *rows, int n);

#endif							/* QLM_STORAGE_VALUE_PLACE_H */
