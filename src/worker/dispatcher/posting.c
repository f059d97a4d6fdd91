/*
 * posting.c
 *		Records in the tables what became of posted rows.
 *
 * Runs in a transaction of the dispatcher.  Changes that hold only once it has
 * committed are noted in the posting.
 */
#include "postgres.h"

#include "message/parse/html.h"
#include "service/road/dialog.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/lease.h"
#include "storage/outbox/outbox.h"
#include "worker/dispatcher/posting.h"
#include "worker/dispatcher/rounds.h"
#include "worker/dispatcher/way.h"

#define MAX_WORDS	120

static List *
ids_of(const List *rows)
{
	List	   *ids = NIL;
	ListCell   *lc;

	foreach(lc, rows)
		ids = lappend(ids, &((QlmOutboxRow *) lfirst(lc))->message_id);
	return ids;
}

/* All rows of the posting are tried again later, in the same order. */
static void
put_off(QlmPosting *posting)
{
	List	   *all = list_concat_copy(posting->doubts.aside, posting->rows);
	List	   *tried = lappend(list_copy(posting->doubts.posted), qlm_posting_current(posting));

	qlm_lease_failed(posting->endpoint, ids_of(all), ids_of(tried), posting->why,
					 posting->transfer.retry_after, posting->transfer.stale);
	posting->doubts.is_over = true;
	posting->state = QLM_POSTING_ENDING;
}

static void
refuse(QlmPosting *posting)
{
	qlm_lease_refused(posting->endpoint, ids_of(list_make1(qlm_posting_current(posting))), posting->why);
	qlm_doubt_over(qlm_posting_current(posting));
	posting->rows = list_delete_first(posting->rows);
	posting->state = QLM_POSTING_RECORDING;
	if (posting->rows != NIL || posting->doubts.aside == NIL)
		return;
	qlm_lease_failed(posting->endpoint, ids_of(posting->doubts.aside),
					 ids_of(posting->doubts.posted), posting->why, 0, false);
	posting->doubts.is_over = true;
	posting->state = QLM_POSTING_ENDING;
}

/* Is the row or the endpoint at fault?  The next row will show. */
static void
doubt(QlmPosting *posting)
{
	List	   *rest = qlm_doubt_set_aside(&posting->doubts, posting->rows, posting->why,
										   posting->delivery == QLM_DELIVERY_LATER);

	if (rest == NIL)
	{
		put_off(posting);
		return;
	}
	posting->rows = rest;
	posting->state = QLM_POSTING_RECORDING;
}

/*
 * May later rows be posted before this one?  Data for a callback keep their
 * order.
 */
static bool
may_be_passed(const QlmPosting *posting)
{
	return !qlm_posting_current(posting)->is_response && posting->transfer.sent;
}

static void
record_failure(QlmPosting *posting)
{
	if (posting->delivery == QLM_DELIVERY_REFUSED)
		refuse(posting);
	else if (posting->delivery == QLM_DELIVERY_DOUBTFUL || may_be_passed(posting))
		doubt(posting);
	else
		put_off(posting);
}

/*
 * A later row was taken, so those set aside are at fault and not the endpoint.
 */
static void
settle_set_aside(QlmPosting *posting)
{
	List	   *refused = NIL;
	List	   *passed = NIL;
	ListCell   *lc;

	if (posting->doubts.aside == NIL)
		return;
	foreach(lc, posting->doubts.aside)
	{
		if (((QlmOutboxRow *) lfirst(lc))->is_unanswered)
			passed = lappend(passed, lfirst(lc));
		else
		{
			refused = lappend(refused, lfirst(lc));
			qlm_doubt_over(lfirst(lc));
		}
	}
	if (refused != NIL)
		qlm_lease_refused(posting->endpoint, ids_of(refused), qlm_doubt_given_up(&posting->doubts));
	if (passed != NIL)
		qlm_lease_passed(ids_of(passed), ids_of(posting->doubts.posted), posting->doubts.why);
	posting->doubts.is_over = true;
}

static void
record_success(QlmPosting *posting)
{
	QlmOutboxRow *row = qlm_posting_current(posting);
	int			return_code;
	int			nested;
	char	   *answer;

	settle_set_aside(posting);
	qlm_doubt_over(row);
	nested = qlm_dialog_receive(qlm_endpoint_peer(posting->endpoint), posting->transfer.answer.data,
								posting->transfer.answer.len, &return_code,
								row->is_response ? NULL : &answer,
								row->node == NULL);
	qlm_rounds_note(qlm_endpoint_key(posting->endpoint), nested);
	qlm_lease_answered(posting->endpoint, row->message_id, return_code,
					   row->is_response ? NULL : answer);
	posting->rows = list_delete_first(posting->rows);
	posting->state = QLM_POSTING_RECORDING;
}

static void
record_taken(QlmPosting *posting)
{
	if (posting->taken != NIL)
		qlm_lease_accepted(posting->endpoint, ids_of(posting->taken));
	posting->taken = NIL;
}

void
qlm_posting_note_page(QlmPosting *posting)
{
	posting->npages++;
	qlm_html_words(posting->transfer.answer.data, posting->transfer.answer.len, posting->page, MAX_WORDS);
}

/* Must run after the endpoint's row was written. */
static void
record_pages(QlmPosting *posting)
{
	if (posting->npages > 0)
		qlm_endpoint_pages(posting->endpoint, posting->npages, posting->page);
	posting->npages = 0;
}

void
qlm_posting_record(QlmPosting *posting)
{
	MemoryContext caller = MemoryContextSwitchTo(posting->context);

	record_taken(posting);
	if (posting->state == QLM_POSTING_FINISHED)
	{
		if (posting->endpoint->is_own)
			qlm_way_note(posting->endpoint->peer_id, &posting->transfer,
						 posting->delivery == QLM_DELIVERY_TAKEN ? NULL : posting->why);
		if (posting->rows == NIL)
			posting->state = QLM_POSTING_RECORDING;
		else if (posting->delivery == QLM_DELIVERY_TAKEN)
			record_success(posting);
		else
			record_failure(posting);
	}
	record_pages(posting);
	MemoryContextSwitchTo(caller);
}
