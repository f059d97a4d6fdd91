/*
 * journal.h
 *		The journal of envelopes in and out, qlm.message.
 */
#ifndef QLM_STORAGE_JOURNAL_H
#define QLM_STORAGE_JOURNAL_H

#include "datatype/timestamp.h"

typedef enum QlmLogMessages
{
	QLM_LOG_NONE,
	QLM_LOG_ERRORS,
	QLM_LOG_ALL
} QlmLogMessages;

extern int	qlm_log_messages;	/* setting */

/*
 * One exchange: the message that came and the answer that leaves, two rows,
 * with what looks like a credential masked.  Returns the number of the
 * answer's row; 0: nothing could be stored.
 */
extern int64 qlm_journal_add(const char *peer, const char *verb,
							 int return_code, TimestampTz started_at,
							 const char *in, Size in_len,
							 const char *out, Size out_len);

/* The answer was held, and is another one now that it leaves. */
extern void qlm_journal_change(int64 message_no, int return_code,
							   TimestampTz started_at,
							   const char *out, Size out_len);

/* Keep the newest rows only. */
extern void qlm_journal_trim(void);

#endif							/* QLM_STORAGE_JOURNAL_H */
