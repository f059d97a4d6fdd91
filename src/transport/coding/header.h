/*
 * header.h
 *		Values of HTTP headers.  Pure functions on text.
 */
#ifndef QLM_HEADER_H
#define QLM_HEADER_H

#include "c.h"

/* Is it a value of this kind, with or without parameters? */
extern bool qlm_header_is_type(const char *value, const char *type);

/*
 * A parameter, as in "text/xml; charset=utf-8"; false where there is none that
 * fits.  text may be overwritten even so.
 */
extern bool qlm_header_parameter(const char *value, const char *name,
								 char *text, Size size);

/* Is one of the words of a list that are separated by commas this one? */
extern bool qlm_header_has_token(const char *list, const char *token);

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

/* Thousandths of the q-value of a name in a list; -1: it is not in it. */
extern int	qlm_header_quality(const char *value, const char *name);

/* What an Accept-Encoding header allows; NULL: there is none */
typedef struct QlmAcceptCoding
{
	bool		gzip;			/* and does not like it less than identity */
	bool		identity;
} QlmAcceptCoding;

extern QlmAcceptCoding qlm_header_accept_encoding(const char *value);

#endif							/* QLM_HEADER_H */
