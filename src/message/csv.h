/*
 * csv.h
 *		Payloads as comma-separated values (RFC 4180).
 *
 * A line for each value: path,time,value,type.  A field without quotes that
 * is empty says nothing, one with quotes is an empty text.
 */
#ifndef QLM_CSV_H
#define QLM_CSV_H

#include "message/rows.h"

/* With the header line */
extern void qlm_csv_print(StringInfo buf, const QlmOdf *odf);

/*
 * Read a text.  The first line may name the columns, then in any order and
 * with some missing.  NULL for what is wrong: *error_code is then 400 or 413,
 * and *error a sentence with the line.
 */
extern QlmOdf *qlm_csv_parse(const char *text, Size len, bool is_request,
							 int *error_code, const char **error);

#endif							/* QLM_CSV_H */
