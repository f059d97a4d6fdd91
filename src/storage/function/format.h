/*
 * format.h
 *		Payload formats that an administrator has added (qlm.format).
 */
#ifndef QLM_FORMAT_H
#define QLM_FORMAT_H

#include "message/value_rows.h"
#include "storage/function/function.h"

/* A function that it does not have has no call. */
typedef struct QlmFormat
{
	const char *name;
	QlmFunction reader;
	QlmFunction writer;
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
							   QlmRowsUse use, int *error_code,
							   const char **error);

/* Call the writer with the rows of a tree, as the current user; errors as above */
extern char *qlm_format_write(const QlmFormat *format, const QlmOdf *odf);

/*
 * Do writers work for subscribers from now on?  Then it is the statement of
 * somebody else that waits for them: they get little time, and one that needed more is
 * not called for a while.  Returns what held before.
 */
extern bool qlm_format_serve_subscribers(bool serve);

#endif							/* QLM_FORMAT_H */
