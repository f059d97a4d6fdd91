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
 * with what looks like a credential masked.
 */
extern void qlm_journal_add(const char *peer, const char *verb,
							int return_code, TimestampTz started_at,
							const char *in, Size in_len,
							const char *out, Size out_len);

/* Keep the newest rows only. */
extern void qlm_journal_trim(void);

#endif							/* QLM_STORAGE_JOURNAL_H */
