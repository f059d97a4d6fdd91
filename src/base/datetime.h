/*
 * datetime.h
 *		xs:dateTime and unixTime to TimestampTz and back.
 */
#ifndef QLM_DATETIME_H
#define QLM_DATETIME_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "base/number.h"

/*
 * All parsers trim white space, take a string of the given length that need
 * not end in NUL, and return false for what is no time or out of PostgreSQL's
 * range.  A time without zone is UTC.
 *
 * What is finer than a microsecond is cut off, so that a time stays in its
 * second and on its day.  A date alone is its first moment.
 */
extern bool qlm_datetime_parse(const char *text, int len, TimestampTz *ts);
extern bool qlm_unixtime_parse(const char *text, int len, TimestampTz *ts);

/*
 * The first and the last microsecond of what begins or ends there, both
 * included: nothing before a begin that is finer, all of a day that is an end.
 */
extern bool qlm_datetime_parse_begin(const char *text, int len, TimestampTz *ts);
extern bool qlm_datetime_parse_end(const char *text, int len, TimestampTz *ts);

/*
 * Of a number that is no unixTime: ", but in microseconds it would be ...", if
 * that is a time of these decades; else NULL.
 */
extern const char *qlm_unixtime_unit(const char *text, int len);

/* 2024-05-01T10:00:00.25Z: UTC, fraction only as long as needed */
extern void qlm_datetime_append(StringInfo buf, TimestampTz ts);

/* 1714557600, or with fraction 1714557600.25 */
extern void qlm_unixtime_append(StringInfo buf, TimestampTz ts, bool fraction);

#endif							/* QLM_DATETIME_H */
