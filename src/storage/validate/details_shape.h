/*
 * details_shape.h
 *		The shape of jsonb that describes nodes.
 */
#ifndef QLM_DETAILS_SHAPE_H
#define QLM_DETAILS_SHAPE_H

#include "postgres.h"

/*
 * An error if the value of a column does not have the shape that messages give it; what
 * names it in the error ("the column attributes of ...").
 */
extern void qlm_details_shape_require(const char *table, const char *column,
									  Datum value, const char *what);

#endif							/* QLM_DETAILS_SHAPE_H */
