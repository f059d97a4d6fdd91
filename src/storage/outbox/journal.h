/*
 * journal.h
 *		The journal of envelopes in and out, qlm.journal.
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

extern int	qlm_log_messages;	/* settings */
extern int	qlm_max_journal_size;	/* MB */

/* One exchange: the message that came, and the answer that leaves */
typedef struct QlmJournalEntry
{
	const char *peer;			/* NULL: none */
	const char *verb;			/* NULL: none */
	int			return_code;
	TimestampTz started_at;
	const char *in;
	Size		in_len;
	bool		is_clear;		/* it could be read */
	const char *out;
	Size		out_len;
	const char *shown;			/* credentials, as in the HTTP header and in the
								 * message; NULL: none */
	const char *claimed;
} QlmJournalEntry;

/*
 * Two rows, with secrets masked.  Returns the number of the answer's; 0:
 * nothing could be stored.
 */
extern int64 qlm_journal_add(const QlmJournalEntry *entry);

/* The answer was held, and is another one now that it leaves. */
extern void qlm_journal_change(int64 journal_no, const QlmJournalEntry *entry);

/* Keep the newest rows only, and no more than qlm.max_journal_size of them. */
extern void qlm_journal_trim(void);

#endif							/* QLM_STORAGE_JOURNAL_H */
