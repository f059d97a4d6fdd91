/*
 * run_record.c
 *		What became of messages that were posted, for the tables.
 *
 * In a transaction that the dispatcher has begun; what is only known once it has
 * committed is noted in the run.
 */
#include "postgres.h"

#include "message/parse/html.h"
#include "service/road/dialog.h"
#include "worker/dispatcher/rounds.h"
#include "worker/dispatcher/run.h"
#include "worker/dispatcher/way.h"

#define MAX_WORDS	120

static List *
ids_of(const List *messages)
{
	List	   *ids = NIL;
	ListCell   *lc;

	foreach(lc, messages)
		ids = lappend(ids, &((QlmMessage *) lfirst(lc))->message_id);
	return ids;
}

/* Now, in doubt or for want of what has not come: all is tried again, in order. */
static void
put_off(QlmRun *run)
{
	List	   *all = list_concat_copy(run->doubts.aside, run->messages);
	List	   *tried = lappend(list_copy(run->doubts.posted), qlm_run_current(run));

	qlm_delivery_failed(run->endpoint, ids_of(all), ids_of(tried), run->why,
						run->transfer.retry_after, run->transfer.stale);
	run->doubts.is_over = true;
	run->state = QLM_RUN_ENDING;
}

static void
refuse(QlmRun *run)
{
	qlm_delivery_refused(run->endpoint, ids_of(list_make1(qlm_run_current(run))), run->why);
	qlm_doubt_over(qlm_run_current(run));
	run->messages = list_delete_first(run->messages);
	run->state = QLM_RUN_RECORDING;
	if (run->messages != NIL || run->doubts.aside == NIL)
		return;
	qlm_delivery_failed(run->endpoint, ids_of(run->doubts.aside),
						ids_of(run->doubts.posted), run->why, 0, false);
	run->doubts.is_over = true;
	run->state = QLM_RUN_ENDING;
}

/* Is it the message, or the endpoint?  The next one will show. */
static void
doubt(QlmRun *run)
{
	List	   *rest = qlm_doubt_set_aside(&run->doubts, run->messages, run->why,
										   run->reception == QLM_RECEPTION_LATER);

	if (rest == NIL)
	{
		put_off(run);
		return;
	}
	run->messages = rest;
	run->state = QLM_RUN_RECORDING;
}

/* Data for a callback keep their order, whatever becomes of the first. */
static bool
may_be_passed(const QlmRun *run)
{
	return !qlm_run_current(run)->is_response && run->transfer.sent;
}

static void
record_failure(QlmRun *run)
{
	if (run->reception == QLM_RECEPTION_REFUSED)
		refuse(run);
	else if (run->reception == QLM_RECEPTION_DOUBTFUL || may_be_passed(run))
		doubt(run);
	else
		put_off(run);
}

/* The one behind them was taken, so it was they that were not. */
static void
settle_set_aside(QlmRun *run)
{
	List	   *refused = NIL;
	List	   *passed = NIL;
	ListCell   *lc;

	if (run->doubts.aside == NIL)
		return;
	foreach(lc, run->doubts.aside)
	{
		if (((QlmMessage *) lfirst(lc))->is_unanswered)
			passed = lappend(passed, lfirst(lc));
		else
		{
			refused = lappend(refused, lfirst(lc));
			qlm_doubt_over(lfirst(lc));
		}
	}
	if (refused != NIL)
		qlm_delivery_refused(run->endpoint, ids_of(refused), qlm_doubt_given_up(&run->doubts));
	if (passed != NIL)
		qlm_delivery_passed(ids_of(passed), ids_of(run->doubts.posted), run->doubts.why);
	run->doubts.is_over = true;
}

static void
record_success(QlmRun *run)
{
	QlmMessage *message = qlm_run_current(run);
	int			return_code;
	int			nested;
	char	   *answer;

	settle_set_aside(run);
	qlm_doubt_over(message);
	nested = qlm_dialog_receive(qlm_endpoint_peer(run->endpoint), run->transfer.answer.data,
								run->transfer.answer.len, &return_code,
								message->is_response ? NULL : &answer,
								message->node == NULL);
	qlm_rounds_note(qlm_endpoint_key(run->endpoint), nested);
	qlm_delivery_done(run->endpoint, message->message_id, return_code,
					  message->is_response ? NULL : answer);
	run->messages = list_delete_first(run->messages);
	run->state = QLM_RUN_RECORDING;
}

static void
record_taken(QlmRun *run)
{
	if (run->taken != NIL)
		qlm_delivery_taken(run->endpoint, ids_of(run->taken));
	run->taken = NIL;
}

void
qlm_run_note_page(QlmRun *run)
{
	run->npages++;
	qlm_html_words(run->transfer.answer.data, run->transfer.answer.len, run->page, MAX_WORDS);
}

/* After the endpoint has its row */
static void
record_pages(QlmRun *run)
{
	if (run->npages > 0)
		qlm_delivery_pages(run->endpoint, run->npages, run->page);
	run->npages = 0;
}

void
qlm_run_record(QlmRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	record_taken(run);
	if (run->state == QLM_RUN_FINISHED)
	{
		if (run->endpoint->is_own)
			qlm_way_note(run->endpoint->peer_id, &run->transfer,
						 run->reception == QLM_RECEPTION_TAKEN ? NULL : run->why);
		if (run->messages == NIL)
			run->state = QLM_RUN_RECORDING;
		else if (run->reception == QLM_RECEPTION_TAKEN)
			record_success(run);
		else
			record_failure(run);
	}
	record_pages(run);
	MemoryContextSwitchTo(caller);
}
