/*
 * html.h
 *		Web pages that came instead of an envelope: a login, a block page, a
 *		wrong URL.
 */
#ifndef QLM_HTML_H
#define QLM_HTML_H

#include "postgres.h"

/* Does it begin as a web page does?  A content type says less: scripts call
 * whatever they answer text/html. */
extern bool qlm_html_is(const char *data, Size len);

/* Is it nothing at all: blanks, comments, or an XML declaration without more? */
extern bool qlm_html_is_nothing(const char *data, Size len);

/*
 * The first words that a reader of the page would see, its title first, or of
 * any other text: one line of UTF-8, without what stands before "@" in URLs.
 */
extern void qlm_html_words(const char *data, Size len, char *to, Size size);

#endif							/* QLM_HTML_H */
