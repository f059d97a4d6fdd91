/*
 * exchange_journal.c
 *		Writes an exchange to the journal.
 *
 * There is one row for each exchange.  If its answer is held, the row is
 * written when the hold begins, since the answer may leave unchanged without a
 * further transaction.  If another answer leaves, the row is updated.
 */
#include "postgres.h"

#include "service/road/exchange_journal.h"
#include "storage/outbox/journal.h"

static bool
must_log(int code)
{
	return qlm_log_messages == QLM_LOG_ALL ||
		(qlm_log_messages == QLM_LOG_ERRORS && code >= 300);
}

void
qlm_exchange_write_journal(const QlmExchange *exchange)
{
	const QlmJob *job = exchange->job;
	const QlmRequest *first = exchange->request->requests == NIL ? NULL :
		linitial(exchange->request->requests);
	const QlmResult *result = exchange->response->results == NIL ? NULL :
		linitial(exchange->response->results);
	QlmJournalEntry entry = {
		.peer = exchange->peer ? exchange->peer->name : NULL,
		.verb = first ? qlm_verb_name(first->verb) : NULL,
		.return_code = result ? result->code : 200,
		.started_at = job->received_at != 0 ? job->received_at : exchange->received_at,
		.in = job->body, .in_len = job->body_len,
		.is_clear = exchange->phase != QLM_PHASE_UNREADABLE,
		.out = job->answer.data, .out_len = job->answer.len,
		.shown = job->authorization,
		.claimed = exchange->request->authorization
	};
	int64		journal_no = job->journal_no;

	if (journal_no != 0 && job->answer_to_hold == NULL)
		qlm_journal_change(journal_no, &entry);
	else if (journal_no == 0 && must_log(entry.return_code))
		journal_no = qlm_journal_add(&entry);
	if (job->answer_to_hold)
	{
		job->answer_to_hold->journal_no = journal_no;
		job->answer_to_hold->received_at = entry.started_at;
	}
}
