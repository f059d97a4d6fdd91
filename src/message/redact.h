/*
 * redact.h
 *		Messages as they may be kept: without the secrets in them.
 */
#ifndef QLM_MESSAGE_REDACT_H
#define QLM_MESSAGE_REDACT_H

#include "lib/stringinfo.h"

/*
 * Append a message, XML or JSON, or what is none, with three stars for the
 * values of attributes, members and elements whose names tell of a secret, and
 * for what stands before "@" in URLs.  However these are escaped, and however
 * deep one text stands within another.  is_clear: the text is what its reader
 * took it for; else its quotes may lead astray, and nothing is kept from the
 * first such name on.
 */
extern void qlm_redact(StringInfo out, const char *text, int len, bool is_clear);

/* Put stars for a secret that is known wherever it stands literally. */
extern void qlm_redact_literal(char *text, const char *secret);

#endif							/* QLM_MESSAGE_REDACT_H */
