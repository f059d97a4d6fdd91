/*
 * csv_parse.h
 *		Reads payloads as comma-separated values (RFC 4180), and as spreadsheets
 *		and loggers write them.
 *
 * A line for each value: path,time,value,type.  An empty field without quotes
 * is missing, one with quotes is an empty text.
 */
#ifndef QLM_CSV_PARSE_H
#define QLM_CSV_PARSE_H

#include "message/envelope.h"

/*
 * Read a text that a verb brings.  The first line may name the columns, then in
 * any order, with some missing, and with the separator that shows there.  NULL
 * for what is wrong: *error_code is then 400 or 413, and *error a sentence with
 * line and column.
 */
extern QlmOdf *qlm_csv_parse(const char *text, Size len, QlmVerb verb,
							 int *error_code, const char **error);

#endif							/* QLM_CSV_PARSE_H */
