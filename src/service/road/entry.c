/*
 * entry.c
 *		The entry to the service: all jobs are run from here, whatever has
 *		brought them.
 *
 * Each kind of job begins and ends in its own way.  In between they are one
 * batch: writes with the same rights become one insert, and the outbox is
 * asked once for all.
 */
#include "postgres.h"

#include "access/xact.h"

#include "service/road/entry.h"
#include "service/road/execute_all.h"
#include "service/road/job_discovery.h"
#include "service/road/job_greeting.h"
#include "service/road/job_held.h"
#include "service/road/job_message.h"
#include "service/road/piggyback.h"
#include "service/road/repeated_request.h"
#include "service/subscribe/events.h"
#include "service/verbs/write_verb.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"

typedef struct JobKind
{
	void		(*begin) (QlmExchange *exchange);
	void		(*finish) (QlmExchange *exchange);
	void		(*refuse) (QlmJob *job, int status, const char *description);
} JobKind;

static const JobKind kinds[] = {
	[QLM_JOB_MESSAGE] = {qlm_message_begin, qlm_message_finish, qlm_message_refuse},
	[QLM_JOB_DISCOVERY] = {qlm_discovery_begin, qlm_discovery_finish, qlm_discovery_refuse},
	[QLM_JOB_GREETING] = {qlm_greeting_begin, qlm_greeting_finish, qlm_greeting_refuse},
	[QLM_JOB_HELD] = {qlm_held_begin, qlm_held_finish, qlm_held_refuse},
};

static bool
may_run_handlers(const QlmRequest *request)
{
	return request->verb == QLM_CALL ||
		(request->verb == QLM_READ && request->target_device);
}

/*
 * Functions of users may take long, so requests that run them are not executed
 * in a batch.
 */
static void
leave_handlers_out(QlmExchange *exchange)
{
	ListCell   *lc;

	if (exchange->phase != QLM_PHASE_BEGUN)
		return;
	foreach(lc, exchange->request->requests)
		if (may_run_handlers(lfirst(lc)))
		{
			exchange->job->apart = true;
			exchange->phase = QLM_PHASE_LEFT_OUT;
		}
}

static bool
is_write_with_role(const QlmExchange *exchange, Oid role)
{
	return exchange->phase == QLM_PHASE_BEGUN && exchange->role == role &&
		qlm_exchange_only_writes(exchange);
}

/* All writes of a role become one insert.  A group may have one member. */
static void
execute_writes(QlmExchange *exchanges, int n)
{
	QlmExchange **group = palloc(n * sizeof(QlmExchange *));

	for (int i = 0; i < n; i++)
	{
		Oid			role = exchanges[i].role;
		int			size = 0;

		if (!is_write_with_role(&exchanges[i], role))
			continue;
		for (int j = i; j < n; j++)
			if (is_write_with_role(&exchanges[j], role))
				group[size++] = &exchanges[j];
		qlm_exchanges_write(group, size);
		for (int j = 0; j < size; j++)
			group[j]->phase = QLM_PHASE_EXECUTED;
	}
	pfree(group);
}

static void
execute_rest(QlmExchange *exchange)
{
	if (exchange->phase != QLM_PHASE_BEGUN)
		return;
	(void) qlm_answer_size_begin();
	qlm_exchange_execute_all(exchange);
	exchange->phase = QLM_PHASE_EXECUTED;
}

/*
 * When a device connects, its current values go to those who subscribe to that
 * (protocol 4.7).
 */
static void
begin_sessions(const QlmExchange *exchanges, int n)
{
	for (int i = 0; i < n && !XactReadOnly; i++)
		if (exchanges[i].connects && exchanges[i].job->status == 200)
			qlm_events_of_connected(exchanges[i].peer->peer_id);
}

/*
 * A caller that posts responses on a WebSocket reads the return codes of its
 * acknowledgements, but not what is nested in them.
 */
static bool
can_carry(const QlmExchange *exchange)
{
	const QlmJob *job = exchange->job;

	return exchange->peer && job->status == 200 && exchange->awaited == NIL &&
		(job->kind == QLM_JOB_MESSAGE || job->kind == QLM_JOB_HELD) &&
		exchange->phase != QLM_PHASE_LEFT_OUT && !(job->on_socket && job->answers_all);
}

static void
piggyback(QlmExchange *exchanges, int n)
{
	QlmExchange **carriers = palloc(n * sizeof(QlmExchange *));
	int			size = 0;

	for (int i = 0; i < n; i++)
		if (can_carry(&exchanges[i]))
			carriers[size++] = &exchanges[i];
	if (size > 0)
		qlm_exchanges_piggyback(carriers, size);
	pfree(carriers);
}

void
qlm_jobs_run(QlmJob **jobs, int n)
{
	QlmExchange *exchanges = palloc(n * sizeof(QlmExchange));
	Size		outer = qlm_answer_size_get();

	qlm_storage_begin();
	for (int i = 0; i < n; i++)
	{
		qlm_exchange_begin(&exchanges[i], jobs[i]);
		kinds[jobs[i]->kind].begin(&exchanges[i]);
	}
	if (n == 1)
		exchanges[0].alone = true;
	else
	{
		for (int i = 0; i < n; i++)
			leave_handlers_out(&exchanges[i]);
		execute_writes(exchanges, n);
	}
	for (int i = 0; i < n; i++)
	{
		execute_rest(&exchanges[i]);
		qlm_exchange_remember(&exchanges[i]);
	}
	begin_sessions(exchanges, n);
	piggyback(exchanges, n);
	for (int i = 0; i < n; i++)
		if (exchanges[i].phase != QLM_PHASE_LEFT_OUT)
			kinds[jobs[i]->kind].finish(&exchanges[i]);
	qlm_storage_end();
	qlm_answer_size_set(outer);
}

/*
 * A constant answer for the case that no other can be made, e.g. for want of
 * memory
 */
static void
give_bare_refusal(QlmJob *job)
{
	static char text[] =
		"<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/2.0/\" version=\"2.0\" ttl=\"10\">"
		"<response><result><return returnCode=\"500\"/></result></response></omiEnvelope>";

	job->answer.data = text;
	job->answer.len = sizeof(text) - 1;
	job->answer.maxlen = sizeof(text);
}

/*
 * Errors are caught here: outside of a transaction they would end the worker,
 * and the requests of other callers with it.
 */
void
qlm_job_refuse(QlmJob *job, int status, const char *description)
{
	MemoryContext context = CurrentMemoryContext;

	job->status = status;
	PG_TRY();
	{
		kinds[job->kind].refuse(job, status, description);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		give_bare_refusal(job);
		job->status = 500;
	}
	PG_END_TRY();
}
