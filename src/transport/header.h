/*
 * header.h
 *		Values of HTTP headers.  Pure functions on text.
 */
#ifndef QLM_HEADER_H
#define QLM_HEADER_H

#include "c.h"

/* Is it the type of a form post? */
extern bool qlm_header_is_form(const char *content_type);

/* The charset of a content type; false where it names none (that fits). */
extern bool qlm_header_charset(const char *content_type,
							   char *charset, Size size);

/* A Content-Length: digits only; false where it is anything else. */
extern bool qlm_header_length(const char *value, Size len, uint64 *length);

/*
 * The seconds of wait=N in a Prefer header (RFC 7240), wherever it stands
 * among other preferences; -1 where it is not there or not a number.
 */
extern int	qlm_header_prefer_wait(const char *value);

#endif							/* QLM_HEADER_H */
