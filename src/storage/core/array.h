/*
 * array.h
 *		Arrays as parameters of set-based statements.
 */
#ifndef QLM_ARRAY_H
#define QLM_ARRAY_H

#include "datatype/timestamp.h"

extern Datum qlm_array_int4(const int *values, int n);
extern Datum qlm_array_int8(const int64 *values, int n);
extern Datum qlm_array_timestamptz(const TimestampTz *values, int n);
extern Datum qlm_array_text(const char *const *values, int n);

/* Each may be NULL. */
extern Datum qlm_array_text_or_null(const char *const *values, int n);

/* A Datum of 0 is a null. */
extern Datum qlm_array_jsonb(const Datum *values, int n);

#endif							/* QLM_ARRAY_H */
