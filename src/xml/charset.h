/*
 * charset.h
 *		From the bytes of a message to valid UTF-8, for the reader.
 *
 * The character sets are few and built in: converters of the C library come
 * by the hundred and have been exploited by name.
 */
#ifndef QLM_XML_CHARSET_H
#define QLM_XML_CHARSET_H

#include "postgres.h"

typedef enum QlmCharset
{
	QLM_CHARSET_UNDECIDED,		/* more bytes are needed */
	QLM_CHARSET_UNKNOWN,
	QLM_UTF8,					/* and US-ASCII */
	QLM_UTF16,					/* in either order, which the message tells */
	QLM_UTF16LE,
	QLM_UTF16BE,
	QLM_LATIN1,
	QLM_LATIN9,
	QLM_WINDOWS1252
} QlmCharset;

/* So much of a message is enough to decide. */
#define QLM_CHARSET_HEAD	256

/* One byte becomes at most so many. */
#define QLM_CHARSET_GROWTH	3

extern QlmCharset qlm_charset_by_name(const char *name, int len);

/*
 * What the message is written in: its byte order mark, else what the transport
 * said (or QLM_CHARSET_UNDECIDED), else its XML declaration, else UTF-8.  Sets
 * the bytes of the mark to skip, and the name if that is not known.
 */
extern QlmCharset qlm_charset_detect(const char *head, int len, bool complete,
									 QlmCharset transport, int *mark,
									 const char **name, int *name_len);

/*
 * How many of the bytes are whole, valid characters.  If not all are, *valid
 * says whether more bytes could make the rest so.
 */
extern int	qlm_charset_check(QlmCharset charset, const char *data, int len,
							  bool *valid);

/* Convert what has been checked; returns the length.  Not for QLM_UTF8. */
extern int	qlm_charset_convert(QlmCharset charset, const char *data, int len,
								char *utf8);

#endif							/* QLM_XML_CHARSET_H */
