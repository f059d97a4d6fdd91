/*
 * json_source.h
 *		The text that JSON was read from.
 */
#ifndef QLM_JSON_SOURCE_H
#define QLM_JSON_SOURCE_H

#include "lib/stringinfo.h"

#include "json/json.h"

/* What is read, which must stay; the rest belongs to json_source.c */
typedef struct QlmJsonSource
{
	const char *data;			/* as it came */
	Size		len;
	const char *charset;		/* as the transport says; NULL: UTF-8 */
	const char *decoded;		/* what texts point into */
	const char *raw;			/* as it came, but in UTF-8; NULL: not yet */
	int			raw_len;
	int			last;			/* where in that a column was asked for ... */
	int			line_start;		/* ... and its line began */
} QlmJsonSource;

/* The text as UTF-8 */
extern bool qlm_json_decode(const QlmJsonSource *source, StringInfo buf,
							QlmJsonError *error);

/* Where in its line a value stands, in bytes from 1 */
extern int	qlm_json_column(QlmJsonSource *source, const QlmJson *json);

/* An object or an array exactly as it is spelt; not NUL-terminated */
extern const char *qlm_json_spelling(QlmJsonSource *source, const QlmJson *json,
									 int *len);

#endif							/* QLM_JSON_SOURCE_H */
