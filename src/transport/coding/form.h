/*
 * form.h
 *		Percent-encoded text: form posts and paths.  Pure functions on bytes;
 *		what is decoded is so in place.
 */
#ifndef QLM_FORM_H
#define QLM_FORM_H

#include "postgres.h"

/*
 * The field msg of a body of type application/x-www-form-urlencoded, decoded
 * in place.  Forgives a separator that was escaped for HTML (&amp;) and a
 * message that was not encoded at all.  Returns NULL where there is none.
 */
extern char *qlm_form_message(char *body, Size len, Size *message_len);

/*
 * Decode %XX in place; false where an escape is bad or stands for NUL.  In a
 * path %2F and %25 stay as they are, so that its parts can be decoded later.
 */
extern bool qlm_form_decode_path(char *path);
extern bool qlm_form_decode(char *text);

/* A body as the field msg, percent-encoded; NULL: no memory */
extern char *qlm_form_encode(MemoryContext context, const char *body, Size body_len,
							 Size *len);

#endif							/* QLM_FORM_H */
