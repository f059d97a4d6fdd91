/*
 * form.h
 *		Percent-encoded text: form posts and paths.  Pure functions on bytes,
 *		which decode in place.
 */
#ifndef QLM_FORM_H
#define QLM_FORM_H

#include "c.h"

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

#endif							/* QLM_FORM_H */
