/*
 * array.h
 *		Arrays as parameters of set-based statements.
 */
#ifndef QLM_ARRAY_H
#define QLM_ARRAY_H

#include "datatype/timestamp.h"

/*
 * An array of n elements, copied into the current memory context; an empty one where n is 0.
 * program_limit_exceeded where it would be larger than 1 GB.
 */
extern Datum qlm_array_int4(const int *values, int n);
extern Datum qlm_array_int8(const int64 *values, int n);
extern Datum qlm_array_timestamptz(const TimestampTz *values, int n);

/* None is NULL. */
extern Datum qlm_array_text(const char *const *values, int n);

/* NULL becomes null, as does a Datum of 0. */
extern Datum qlm_array_text_or_null(const char *const *values, int n);
extern Datum qlm_array_jsonb(const Datum *values, int n);

#endif							/* QLM_ARRAY_H */
