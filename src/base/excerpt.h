/*
 * excerpt.h
 *		Quotes foreign text in error messages.
 */
#ifndef QLM_EXCERPT_H
#define QLM_EXCERPT_H

/*
 * Text in UTF-8 in one line, with control characters as escapes, and cut where
 * it is long.  len -1: it ends in NUL.
 */
extern const char *qlm_excerpt(const char *text, int len);

/*
 * How bytes begin that are of no known kind, which may be anything, a secret
 * too: the first word, cut after some characters, without what follows a
 * colon or an equals sign.  Takes no memory; returns buf.
 */
#define QLM_BEGINNING_SIZE 64
extern const char *qlm_excerpt_beginning(const char *bytes, Size len, char *buf);

#endif							/* QLM_EXCERPT_H */
