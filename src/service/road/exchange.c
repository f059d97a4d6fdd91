/*
 * exchange.c
 *		Runs exchanges: parse, identify, execute, piggy-back, print.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/forward/remote_subscription.h"
#include "service/road/exchange.h"
#include "service/road/execute_all.h"
#include "service/road/guess.h"
#include "service/road/job.h"
#include "service/road/repeat.h"
#include "service/subscribe/events.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "storage/outbox/journal.h"
#include "storage/outbox/outbox_nest.h"
#include "storage/write/write.h"

/* What old clients have seen (protocol 2.1) */
static double
answer_ttl(const QlmDialect *dialect)
{
	return qlm_dialect_is_qlm(dialect) ? 0 : 10;
}

static void
begin_answer(QlmExchange *exchange, const QlmDialect *dialect)
{
	exchange->answer = qlm_envelope_create(dialect, answer_ttl(dialect));
	exchange->response = qlm_envelope_add_request(exchange->answer, QLM_RESPONSE);
}

void
qlm_exchange_refuse(QlmExchange *exchange, int status, int code, const char *description)
{
	qlm_request_add_result(exchange->response, code, description);
	exchange->job->status = status;
	exchange->done = true;
}

static int
count_untimed(const QlmEnvelope *envelope)
{
	int			n = 1;
	ListCell   *lc;

	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);
		ListCell   *rc;

		if (request->odf)
			n += request->odf->nvalues;
		foreach(rc, request->results)
		{
			const QlmResult *result = lfirst(rc);

			if (result->odf)
				n += result->odf->nvalues;
		}
	}
	return n;
}

/* A look is run as a read that brings no envelope. */
static void
begin_discovery(QlmExchange *exchange)
{
	exchange->request = qlm_envelope_create(qlm_dialect_default(), 0);
	qlm_envelope_add_request(exchange->request, QLM_READ);
	begin_answer(exchange, &exchange->request->dialect);
	qlm_exchange_identify(exchange);
}

/* Before the first message on a WebSocket: who is there?  Perhaps nobody can say. */
static void
greet(QlmExchange *exchange, QlmJob *job)
{
	memset(exchange, 0, sizeof(QlmExchange));
	exchange->job = job;
	job->status = 200;
	exchange->received_at = GetCurrentTimestamp();
	exchange->request = qlm_envelope_create(qlm_dialect_default(), 0);
	begin_answer(exchange, &exchange->request->dialect);
	qlm_exchange_identify(exchange);
	if (job->caller)
		qlm_nest_reconnected(job->caller->peer_id);
	exchange->done = true;
}

/*
 * What a standby does not take is told before anything is tried: the same will go
 * well at the primary, or here when this node has taken its place.
 */
static void
refuse_on_standby(QlmExchange *exchange)
{
	ListCell   *lc;

	if (exchange->done || exchange->request->requests == NIL)
		return;
	foreach(lc, exchange->request->requests)
		if (!qlm_request_needs_primary(lfirst(lc)))
			return;
	qlm_exchange_refuse(exchange, 503, 503, QLM_STANDBY_REFUSES);
}

static void
begin_exchange(QlmExchange *exchange, QlmJob *job)
{
	int			error_code;
	const char *error;

	memset(exchange, 0, sizeof(QlmExchange));
	exchange->job = job;
	job->status = 200;
	exchange->received_at = GetCurrentTimestamp();
	if (job->discovery)
	{
		begin_discovery(exchange);
		return;
	}
	exchange->request = qlm_envelope_parse(job->body, job->body_len,
										   job->charset,
										   &error_code, &error);
	begin_answer(exchange, &exchange->request->dialect);
	if (job->form != QLM_ANSWER_AS_ASKED)
		exchange->answer->dialect.json = job->form == QLM_ANSWER_JSON;
	if (job->body_problem)
	{
		exchange->unreadable = true;
		qlm_exchange_refuse(exchange, 400, 400, job->body_problem);
		return;
	}
	if (error_code != 0)
	{
		exchange->unreadable = true;
		qlm_exchange_refuse(exchange, error_code, error_code, error);
		return;
	}
	if (job->token)
	{
		refuse_on_standby(exchange);
		if (!exchange->done && !qlm_guess_token_waits(exchange))
			qlm_remote_subscription_receive(exchange, job->token);
		return;
	}
	exchange->received_at = qlm_write_receipt(count_untimed(exchange->request));
	qlm_exchange_identify(exchange);
	refuse_on_standby(exchange);
	qlm_exchange_recall(exchange);
}

static bool
may_run_handlers(const QlmRequest *request)
{
	return request->verb == QLM_CALL ||
		(request->verb == QLM_READ && request->target_device);
}

/* Functions of users may take long: nobody else is to wait for them. */
static void
leave_handlers_out(QlmExchange *exchanges, int n)
{
	ListCell   *lc;

	for (int i = 0; i < n; i++)
		foreach(lc, exchanges[i].done ? NIL : exchanges[i].request->requests)
			if (may_run_handlers(lfirst(lc)))
				exchanges[i].job->apart = exchanges[i].done = true;
}

static void
execute_rest(QlmExchange *exchange)
{
	if (exchange->done)
		return;
	(void) qlm_answer_size_begin();
	qlm_exchange_execute_all(exchange);
	exchange->done = true;
}

/* The writes of each role become one insert; who writes alone, writes so too. */
static void
execute_writes(QlmExchange *exchanges, int n)
{
	QlmExchange **group = palloc(n * sizeof(QlmExchange *));

	for (int i = 0; i < n; i++)
	{
		int			size = 0;

		if (exchanges[i].done || !qlm_exchange_only_writes(&exchanges[i]))
			continue;
		for (int j = i; j < n; j++)
			if (!exchanges[j].done && exchanges[j].role == exchanges[i].role &&
				qlm_exchange_only_writes(&exchanges[j]))
				group[size++] = &exchanges[j];
		qlm_exchanges_write(group, size);
		for (int j = 0; j < size; j++)
			group[j]->done = true;
	}
	pfree(group);
}

/* Who posts messages on a WebSocket looks at what became of them, no further. */
static bool
reads_requests(const QlmJob *job)
{
	return !job->on_socket || !job->answers_all;
}

static void
piggyback(QlmExchange *exchanges, int n)
{
	QlmExchange **with_peer = palloc(n * sizeof(QlmExchange *));
	int			size = 0;

	for (int i = 0; i < n; i++)
		if (exchanges[i].peer && exchanges[i].job->status == 200 &&
			exchanges[i].awaited == NIL && exchanges[i].job->discovery == NULL &&
			!qlm_job_was_left_out(exchanges[i].job) && !exchanges[i].job->is_greeting &&
			reads_requests(exchanges[i].job))
			with_peer[size++] = &exchanges[i];
	if (size > 0)
		qlm_exchanges_piggyback(with_peer, size);
	pfree(with_peer);
}

static bool
must_log(int code)
{
	return qlm_log_messages == QLM_LOG_ALL ||
		(qlm_log_messages == QLM_LOG_ERRORS && code >= 300);
}

/*
 * Each exchange is in the journal once.  One whose answer is kept is entered
 * when it is, since it may leave as it is without anything being run again;
 * if it leaves with another answer, the entry is changed.
 */
static void
write_journal(const QlmExchange *exchange)
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
		.is_clear = !exchange->unreadable,
		.out = job->answer.data, .out_len = job->answer.len,
		.shown = job->authorization,
		.claimed = exchange->request->authorization
	};
	int64		journal_no = job->journal_no;

	if (journal_no != 0 && job->keep == NULL)
		qlm_journal_change(journal_no, &entry);
	else if (journal_no == 0 && must_log(entry.return_code))
		journal_no = qlm_journal_add(&entry);
	if (job->keep)
	{
		job->keep->journal_no = journal_no;
		job->keep->received_at = entry.started_at;
	}
}

void
qlm_job_begin_answer(QlmJob *job)
{
	MemoryContext context = CurrentMemoryContext;

	if (job->answer_context)
		MemoryContextSwitchTo(job->answer_context);
	initStringInfo(&job->answer);
	MemoryContextSwitchTo(context);
}

/*
 * On a WebSocket nobody waits for the acknowledgement of a response, unless he has
 * said so, and two nodes would acknowledge each other for ever.  What went wrong
 * is told.
 */
static bool
is_unanswered(const QlmJob *job, const QlmEnvelope *request,
			  const QlmRequest *response)
{
	ListCell   *lc;

	if (!job->on_socket || job->answers_all || request->requests == NIL)
		return false;
	foreach(lc, response->results)
		if (((const QlmResult *) lfirst(lc))->code >= 300)
			return false;
	foreach(lc, request->requests)
		if (((const QlmRequest *) lfirst(lc))->verb != QLM_RESPONSE)
			return false;
	return true;
}

static void
finish_exchange(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;
	bool		as_kept = job->kept && !exchange->merged &&
		!qlm_exchange_has_nested(exchange);

	if (job->discovery)
	{
		qlm_exchange_finish_discovery(exchange);
		write_journal(exchange);
		return;
	}
	qlm_job_begin_answer(job);
	if (job->is_greeting)
		return;
	if (as_kept)
		appendBinaryStringInfo(&job->answer, job->kept->answer,
							   job->kept->answer_len);
	else
	{
		if (exchange->response->results == NIL)
			qlm_request_add_result(exchange->response, 200, NULL);
		if (!is_unanswered(job, exchange->request, exchange->response) || qlm_exchange_has_nested(exchange))
			qlm_envelope_print(&job->answer, exchange->answer);
	}
	qlm_exchange_keep(exchange);
	if (!as_kept)
		write_journal(exchange);
}

/* A device that begins a session has its values sent to who asked for that. */
static void
begin_sessions(QlmExchange *exchanges, int n)
{
	for (int i = 0; i < n && !XactReadOnly; i++)
		if (exchanges[i].connects && exchanges[i].job->status == 200)
			qlm_events_of_connected(exchanges[i].peer->peer_id);
}

void
qlm_jobs_run(QlmJob **jobs, int n)
{
	QlmExchange *exchanges = palloc(n * sizeof(QlmExchange));
	Size		outer = qlm_answer_size_get();

	qlm_storage_begin();
	for (int i = 0; i < n; i++)
		if (jobs[i]->is_greeting)
			greet(&exchanges[i], jobs[i]);
		else if (jobs[i]->kept)
			qlm_exchange_resume(&exchanges[i], jobs[i]);
		else
			begin_exchange(&exchanges[i], jobs[i]);
	if (n == 1)
		exchanges[0].alone = true;
	else
	{
		leave_handlers_out(exchanges, n);
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
		if (!qlm_job_was_left_out(jobs[i]))
			finish_exchange(&exchanges[i]);
	qlm_storage_end();
	qlm_answer_size_set(outer);
}

const char *
qlm_answer_media(const char *answer, Size len)
{
	return len > 0 && answer[0] == '{' ? "application/json; charset=UTF-8" :
		"text/xml; charset=UTF-8";
}

/*
 * The answer that was kept, else one in the dialect of the message, as far as
 * it can be read
 */
static void
print_refusal(QlmJob *job, int status, const char *description)
{
	int			error_code;
	const char *error;
	QlmEnvelope *request;
	QlmEnvelope *answer;

	qlm_job_begin_answer(job);
	if (job->kept)
	{
		appendBinaryStringInfo(&job->answer, job->kept->answer,
							   job->kept->answer_len);
		return;
	}
	if (job->discovery)
	{
		qlm_discovery_refuse(job, status, description);
		return;
	}
	request = qlm_envelope_parse(job->body, job->body_len,
								 job->charset, &error_code, &error);
	answer = qlm_envelope_create(&request->dialect,
								 answer_ttl(&request->dialect));
	qlm_request_add_result(qlm_envelope_add_request(answer, QLM_RESPONSE),
						   status, description);
	qlm_envelope_print(&job->answer, answer);
}

/* What is left to say where even that fails, as for want of memory */
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
 * No transaction is open and nobody else catches an error here: it would end
 * the worker, and the requests of others with it.
 */
void
qlm_job_refuse(QlmJob *job, int status, const char *description)
{
	MemoryContext context = CurrentMemoryContext;

	job->status = job->kept ? 200 : status;
	PG_TRY();
	{
		print_refusal(job, status, description);
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
