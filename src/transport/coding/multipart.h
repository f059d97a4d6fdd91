/*
 * multipart.h
 *		multipart/form-data (RFC 7578).  Pure functions on bytes, in linear
 *		time, which cut in place.
 */
#ifndef QLM_MULTIPART_H
#define QLM_MULTIPART_H

#include "c.h"

#define QLM_MAX_BOUNDARY	70

/* Is it the type of a multipart form? */
extern bool qlm_multipart_is_form(const char *content_type);

/*
 * The field msg, be it a text or a file.  charset: that of the field, "" where
 * it has none of its own.  Returns NULL where there is no such field, or no
 * end of it.
 */
extern char *qlm_multipart_message(char *body, Size len, const char *content_type,
								   Size *message_len,
								   char *charset, Size charset_size);

#endif							/* QLM_MULTIPART_H */
