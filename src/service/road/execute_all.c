/*
 * execute_all.c
 *		Executes the verbs of an envelope: all of them, or none if one is
 *		refused for now.
 *
 * A sender that gets 503 sends the whole envelope again.  What had been done
 * of it would be done twice: values without times, deletes, polls, calls.
 */
#include "postgres.h"

#include "service/exchange/standby.h"
#include "service/road/execute.h"
#include "service/road/execute_all.h"
#include "service/road/repeated_request.h"
#include "storage/core/subtransaction.h"

/* The state of the exchange before the verbs, to go back to */
typedef struct Before
{
	int			nresults;
	int			nawaited;
	int			nforwarded;
	bool		room_known;
	int			room;
	bool		pushes;
	QlmWriteCounts counts;
} Before;

static Before
note(const QlmExchange *exchange)
{
	Before		before = {
		list_length(exchange->response->results), list_length(exchange->awaited),
		exchange->nforwarded, exchange->room_known, exchange->room, exchange->job->pushes
	};

	if (exchange->job->counts)
		before.counts = *exchange->job->counts;
	return before;
}

static bool
only_reads(const QlmRequest *request)
{
	return request->verb == QLM_READ && qlm_request_is_repeatable(request);
}

/* The verb may succeed once the whole envelope is sent again. */
static void
add_not_done(QlmExchange *exchange)
{
	qlm_request_add_result(exchange->response, 503,
						   psprintf("not done, as another part of this message is refused for now: %s",
									exchange->put_off));
}

/* A read without side effects is executed even if the others are put off. */
static void
execute_next(QlmExchange *exchange, const QlmRequest *request)
{
	if (exchange->put_off && !only_reads(request))
		add_not_done(exchange);
	else
		qlm_exchange_execute(exchange, request);
}

static bool
has_done_something(const QlmRequest *request, List *results)
{
	ListCell   *lc;

	if (only_reads(request))
		return false;
	foreach(lc, results)
		if (qlm_result_is_success(lfirst(lc)))
			return true;
	return false;
}

/*
 * After the rollback: replaces the results of verbs that had done something.
 * ends holds the number of results after each verb.
 */
static void
take_back(QlmExchange *exchange, const Before *before, const int *ends)
{
	List	   *all = exchange->response->results;
	int			begin = before->nresults;
	int			i = 0;
	ListCell   *lc;

	exchange->response->results = list_copy_head(all, begin);
	foreach(lc, exchange->request->requests)
	{
		List	   *its = list_copy_tail(list_copy_head(all, ends[i]), begin);

		if (has_done_something(lfirst(lc), its))
			add_not_done(exchange);
		else
			exchange->response->results = list_concat(exchange->response->results, its);
		begin = ends[i++];
	}
	exchange->awaited = list_truncate(exchange->awaited, before->nawaited);
	exchange->nforwarded = before->nforwarded;
	exchange->room_known = before->room_known;
	exchange->room = before->room;
	exchange->job->pushes = before->pushes;
	if (exchange->job->counts)
		*exchange->job->counts = before->counts;
}

static void
execute_together(QlmExchange *exchange)
{
	List	   *requests = exchange->request->requests;
	int		   *ends = palloc(list_length(requests) * sizeof(int));
	Before		before = note(exchange);

	QLM_SUBTRANSACTION_TRY();
	{
		for (int i = 0; i < list_length(requests); i++)
		{
			execute_next(exchange, list_nth(requests, i));
			ends[i] = list_length(exchange->response->results);
		}
		if (exchange->put_off)
			QLM_SUBTRANSACTION_UNDO();
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		ReThrowError(error);
	}
	QLM_SUBTRANSACTION_END();
	if (exchange->put_off)
		take_back(exchange, &before, ends);
}

void
qlm_exchange_execute_all(QlmExchange *exchange)
{
	ListCell   *lc;

	exchange->put_off = NULL;
	if (list_length(exchange->request->requests) > 1 && exchange->alone && qlm_exchange_may_guard(exchange))
		execute_together(exchange);
	else
		foreach(lc, exchange->request->requests)
			qlm_exchange_execute(exchange, lfirst(lc));
	if (exchange->put_off)
		exchange->job->status = 503;	/* with Retry-After */
}
