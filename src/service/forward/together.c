/*
 * together.c
 *		The verbs of one message: all of them, or none where one is refused for
 *		now.
 *
 * Who is told to come again sends the whole message again.  What had been done of
 * it would be done twice: values without times, deletes, polls, calls.
 */
#include "postgres.h"

#include "service/road/call.h"
#include "service/road/repeat.h"
#include "storage/core/subtransaction.h"

/* What the message had before, to be had again */
typedef struct Before
{
	int			nresults;
	int			nawaited;
	int			nforwarded;
	bool		room_known;
	int			room;
	bool		pushes;
	QlmCounts	counts;
} Before;

static Before
note(const QlmCall *call)
{
	Before		before = {
		list_length(call->response->results), list_length(call->awaited),
		call->nforwarded, call->room_known, call->room, call->exchange->pushes
	};

	if (call->exchange->counts)
		before.counts = *call->exchange->counts;
	return before;
}

static bool
only_reads(const QlmRequest *request)
{
	return request->verb == QLM_READ && qlm_request_is_repeatable(request);
}

/* It may go well with all of the message, once that is sent again. */
static void
add_not_done(QlmCall *call)
{
	qlm_request_add_result(call->response, 503,
						   psprintf("not done, as another part of this message is refused for now: %s",
									call->put_off));
}

/* A read that changes nothing has its answer whatever becomes of the rest. */
static void
execute_next(QlmCall *call, const QlmRequest *request)
{
	if (call->put_off && !only_reads(request))
		add_not_done(call);
	else
		qlm_call_execute(call, request);
}

static bool
has_done_something(const QlmRequest *request, List *results)
{
	ListCell   *lc;

	if (only_reads(request))
		return false;
	foreach(lc, results)
	{
		const QlmResult *result = lfirst(lc);

		if (result->code >= 200 && result->code < 300)
			return true;
	}
	return false;
}

/* All was undone: say so of what had been done.  ends: of each verb's results */
static void
take_back(QlmCall *call, const Before *before, const int *ends)
{
	List	   *all = call->response->results;
	int			begin = before->nresults;
	int			i = 0;
	ListCell   *lc;

	call->response->results = list_copy_head(all, begin);
	foreach(lc, call->request->requests)
	{
		List	   *its = list_copy_tail(list_copy_head(all, ends[i]), begin);

		if (has_done_something(lfirst(lc), its))
			add_not_done(call);
		else
			call->response->results = list_concat(call->response->results, its);
		begin = ends[i++];
	}
	call->awaited = list_truncate(call->awaited, before->nawaited);
	call->nforwarded = before->nforwarded;
	call->room_known = before->room_known;
	call->room = before->room;
	call->exchange->pushes = before->pushes;
	if (call->exchange->counts)
		*call->exchange->counts = before->counts;
}

static void
execute_together(QlmCall *call)
{
	List	   *requests = call->request->requests;
	int		   *ends = palloc(list_length(requests) * sizeof(int));
	Before		before = note(call);
	QlmSubtransaction subtransaction;

	qlm_subtransaction_begin(&subtransaction);
	PG_TRY();
	{
		for (int i = 0; i < list_length(requests); i++)
		{
			execute_next(call, list_nth(requests, i));
			ends[i] = list_length(call->response->results);
		}
		if (!call->put_off)
			qlm_subtransaction_commit(&subtransaction);
	}
	PG_CATCH();
	{
		ReThrowError(qlm_subtransaction_catch(&subtransaction));
	}
	PG_END_TRY();
	if (call->put_off)
	{
		qlm_subtransaction_rollback(&subtransaction);
		take_back(call, &before, ends);
	}
}

void
qlm_call_execute_all(QlmCall *call)
{
	ListCell   *lc;

	call->put_off = NULL;
	if (list_length(call->request->requests) > 1 && call->alone && qlm_call_may_guard(call))
		execute_together(call);
	else
		foreach(lc, call->request->requests)
			qlm_call_execute(call, lfirst(lc));
	if (call->put_off)
		call->exchange->status = 503;	/* says when to come again */
}
