/*
 * format.h
 *		Payload formats that an administrator has added (qlm.format).
 */
#ifndef QLM_STORAGE_FORMAT_H
#define QLM_STORAGE_FORMAT_H

#include "message/rows.h"

/* Names of functions are quoted and qualified; NULL: it has none. */
typedef struct QlmFormat
{
	const char *name;
	const char *reader;
	const char *writer;
	bool		writes_xml;
} QlmFormat;

/*
 * Look a format up, whatever the case of its name.  An error if one of its
 * functions must not run with the rights of the current user, who would lend
 * them to the function's owner.
 */
extern bool qlm_format_get(const char *name, QlmFormat *format);

/*
 * Call the reader with a payload, as the current user.  NULL, with 400 or 413
 * and a sentence, for rows that are no payload; else its errors are raised.
 */
extern QlmOdf *qlm_format_read(const QlmFormat *format, const char *payload,
							   bool is_request, int *error_code,
							   const char **error);

/* Call the writer with the rows of a tree, as the current user */
extern char *qlm_format_write(const QlmFormat *format, const QlmOdf *odf);

#endif							/* QLM_STORAGE_FORMAT_H */
