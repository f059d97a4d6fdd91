/*
 * outgoing.h
 *		What the HTTP client sends and collects, apart from the library: form
 *		fields, answers that grow, errors.  Nothing here raises an error.
 */
#ifndef QLM_OUTGOING_H
#define QLM_OUTGOING_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "transport/client/http_client.h"

/* The body as form field msg, percent-encoded; NULL: no memory */
extern char *qlm_outgoing_form(MemoryContext context, const char *body,
							   Size body_len, Size *len);

/*
 * Append to an answer what qlm.max_message_size leaves room for.  Returns the
 * number of bytes taken, or -1 where there is no memory.
 */
extern int64 qlm_outgoing_collect(MemoryContext context, StringInfo answer,
								  const char *data, Size len);

/*
 * Copy what another end or the library has said, as it may be shown: ASCII text,
 * with three stars for what stands before "@" in URLs.
 */
extern void qlm_outgoing_copy(char *to, const char *text, Size size);

/* An error is such text. */
extern void qlm_outgoing_set_error(QlmTransfer *transfer, const char *text);

#endif							/* QLM_OUTGOING_H */
