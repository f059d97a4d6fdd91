/*
 * csv_print.h
 *		Writes payloads as comma-separated values (RFC 4180).
 */
#ifndef QLM_CSV_PRINT_H
#define QLM_CSV_PRINT_H

#include "lib/stringinfo.h"

#include "message/odf.h"

/* With the header line */
extern void qlm_csv_print(StringInfo buf, const QlmOdf *odf);

#endif							/* QLM_CSV_PRINT_H */
