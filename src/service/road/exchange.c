/*
 * exchange.c
 *		Runs exchanges: parse, identify, execute, piggy-back, print.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/forward/relay.h"
#include "service/road/guess.h"
#include "service/road/repeat.h"
#include "service/subscribe/subscribe.h"
#include "storage/core/answer_size.h"
#include "storage/core/catalog.h"
#include "storage/outbox/journal.h"
#include "storage/value/write.h"

/* What old clients have seen (protocol 2.1) */
static double
answer_ttl(const QlmDialect *dialect)
{
	return qlm_dialect_is_qlm(dialect) ? 0 : 10;
}

static void
begin_answer(QlmCall *call, const QlmDialect *dialect)
{
	call->answer = qlm_envelope_create(dialect, answer_ttl(dialect));
	call->response = qlm_envelope_add_request(call->answer, QLM_RESPONSE);
}

void
qlm_call_refuse(QlmCall *call, int status, int code, const char *description)
{
	qlm_request_add_result(call->response, code, description);
	call->exchange->status = status;
	call->done = true;
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
begin_discovery(QlmCall *call)
{
	call->request = qlm_envelope_create(qlm_dialect_default(), 0);
	qlm_envelope_add_request(call->request, QLM_READ);
	begin_answer(call, &call->request->dialect);
	qlm_call_identify(call);
}

/* Before the first message on a WebSocket: who is there?  Perhaps nobody can say. */
static void
greet(QlmCall *call, QlmExchange *exchange)
{
	memset(call, 0, sizeof(QlmCall));
	call->exchange = exchange;
	exchange->status = 200;
	call->received_at = GetCurrentTimestamp();
	call->request = qlm_envelope_create(qlm_dialect_default(), 0);
	begin_answer(call, &call->request->dialect);
	qlm_call_identify(call);
	if (exchange->caller)
		qlm_outbox_reconnected(exchange->caller->peer_id);
	call->done = true;
}

/*
 * What a standby does not take is told before anything is tried: the same will go
 * well at the primary, or here when this node has taken its place.
 */
static void
refuse_on_standby(QlmCall *call)
{
	ListCell   *lc;

	if (call->done || call->request->requests == NIL)
		return;
	foreach(lc, call->request->requests)
		if (!qlm_request_needs_primary(lfirst(lc)))
			return;
	qlm_call_refuse(call, 503, 503, QLM_STANDBY_REFUSES);
}

static void
begin_call(QlmCall *call, QlmExchange *exchange)
{
	int			error_code;
	const char *error;

	memset(call, 0, sizeof(QlmCall));
	call->exchange = exchange;
	exchange->status = 200;
	call->received_at = GetCurrentTimestamp();
	if (exchange->discovery)
	{
		begin_discovery(call);
		return;
	}
	call->request = qlm_envelope_parse(exchange->body, exchange->body_len,
									   exchange->charset,
									   &error_code, &error);
	begin_answer(call, &call->request->dialect);
	if (exchange->form != QLM_ANSWER_AS_ASKED)
		call->answer->dialect.json = exchange->form == QLM_ANSWER_JSON;
	if (exchange->body_problem)
	{
		call->unreadable = true;
		qlm_call_refuse(call, 400, 400, exchange->body_problem);
		return;
	}
	if (error_code != 0)
	{
		call->unreadable = true;
		qlm_call_refuse(call, error_code, error_code, error);
		return;
	}
	if (exchange->token)
	{
		refuse_on_standby(call);
		if (!call->done && !qlm_guess_token_waits(call))
			qlm_relay_callback(call, exchange->token);
		return;
	}
	call->received_at = qlm_write_receipt(count_untimed(call->request));
	qlm_call_identify(call);
	refuse_on_standby(call);
	qlm_call_recall(call);
}

static bool
may_run_handlers(const QlmRequest *request)
{
	return request->verb == QLM_CALL ||
		(request->verb == QLM_READ && request->target_device);
}

/* Functions of users may take long: nobody else is to wait for them. */
static void
leave_handlers_out(QlmCall *calls, int n)
{
	ListCell   *lc;

	for (int i = 0; i < n; i++)
		foreach(lc, calls[i].done ? NIL : calls[i].request->requests)
			if (may_run_handlers(lfirst(lc)))
				calls[i].exchange->apart = calls[i].done = true;
}

static void
execute_rest(QlmCall *call)
{
	if (call->done)
		return;
	(void) qlm_answer_size_begin();
	qlm_call_execute_all(call);
	call->done = true;
}

/* The writes of each role become one insert; who writes alone, writes so too. */
static void
execute_writes(QlmCall *calls, int n)
{
	QlmCall   **group = palloc(n * sizeof(QlmCall *));

	for (int i = 0; i < n; i++)
	{
		int			size = 0;

		if (calls[i].done || !qlm_call_only_writes(&calls[i]))
			continue;
		for (int j = i; j < n; j++)
			if (!calls[j].done && calls[j].role == calls[i].role &&
				qlm_call_only_writes(&calls[j]))
				group[size++] = &calls[j];
		qlm_calls_write(group, size);
		for (int j = 0; j < size; j++)
			group[j]->done = true;
	}
	pfree(group);
}

/* Who posts messages on a WebSocket looks at what became of them, no further. */
static bool
reads_requests(const QlmExchange *exchange)
{
	return !exchange->on_socket || !exchange->answers_all;
}

static void
piggyback(QlmCall *calls, int n)
{
	QlmCall   **with_peer = palloc(n * sizeof(QlmCall *));
	int			size = 0;

	for (int i = 0; i < n; i++)
		if (calls[i].peer && calls[i].exchange->status == 200 &&
			calls[i].awaited == NIL && calls[i].exchange->discovery == NULL &&
			!qlm_exchange_was_left_out(calls[i].exchange) && !calls[i].exchange->is_greeting &&
			reads_requests(calls[i].exchange))
			with_peer[size++] = &calls[i];
	if (size > 0)
		qlm_calls_piggyback(with_peer, size);
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
log_exchange(const QlmCall *call)
{
	const QlmExchange *exchange = call->exchange;
	const QlmRequest *first = call->request->requests == NIL ? NULL :
		linitial(call->request->requests);
	const QlmResult *result = call->response->results == NIL ? NULL :
		linitial(call->response->results);
	QlmJournalEntry entry = {
		.peer = call->peer ? call->peer->name : NULL,
		.verb = first ? qlm_verb_name(first->verb) : NULL,
		.return_code = result ? result->code : 200,
		.started_at = exchange->received_at != 0 ? exchange->received_at : call->received_at,
		.in = exchange->body, .in_len = exchange->body_len,
		.is_clear = !call->unreadable,
		.out = exchange->answer.data, .out_len = exchange->answer.len,
		.shown = exchange->authorization,
		.claimed = call->request->authorization
	};
	int64		journal_no = exchange->journal_no;

	if (journal_no != 0 && exchange->keep == NULL)
		qlm_journal_change(journal_no, &entry);
	else if (journal_no == 0 && must_log(entry.return_code))
		journal_no = qlm_journal_add(&entry);
	if (exchange->keep)
	{
		exchange->keep->journal_no = journal_no;
		exchange->keep->received_at = entry.started_at;
	}
}

void
qlm_exchange_begin_answer(QlmExchange *exchange)
{
	MemoryContext context = CurrentMemoryContext;

	if (exchange->answer_context)
		MemoryContextSwitchTo(exchange->answer_context);
	initStringInfo(&exchange->answer);
	MemoryContextSwitchTo(context);
}

/*
 * On a WebSocket nobody waits for the acknowledgement of a response, unless he has
 * said so, and two nodes would acknowledge each other for ever.  What went wrong
 * is told.
 */
static bool
is_unanswered(const QlmExchange *exchange, const QlmEnvelope *request,
			  const QlmRequest *response)
{
	ListCell   *lc;

	if (!exchange->on_socket || exchange->answers_all || request->requests == NIL)
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
finish_call(QlmCall *call)
{
	QlmExchange *exchange = call->exchange;
	bool		as_kept = exchange->kept && !call->merged &&
		!qlm_call_has_nested(call);

	if (exchange->discovery)
	{
		qlm_call_finish_discovery(call);
		log_exchange(call);
		return;
	}
	qlm_exchange_begin_answer(exchange);
	if (exchange->is_greeting)
		return;
	if (as_kept)
		appendBinaryStringInfo(&exchange->answer, exchange->kept->answer,
							   exchange->kept->answer_len);
	else
	{
		if (call->response->results == NIL)
			qlm_request_add_result(call->response, 200, NULL);
		if (!is_unanswered(exchange, call->request, call->response) || qlm_call_has_nested(call))
			qlm_envelope_print(&exchange->answer, call->answer);
	}
	qlm_call_keep(call);
	if (!as_kept)
		log_exchange(call);
}

/* A device that begins a session has its values sent to who asked for that. */
static void
begin_sessions(QlmCall *calls, int n)
{
	for (int i = 0; i < n && !XactReadOnly; i++)
		if (calls[i].connects && calls[i].exchange->status == 200)
			qlm_subscriptions_connected(calls[i].peer->peer_id);
}

void
qlm_exchange_run(QlmExchange **exchanges, int n)
{
	QlmCall    *calls = palloc(n * sizeof(QlmCall));
	Size		outer = qlm_answer_size_get();

	qlm_storage_begin();
	for (int i = 0; i < n; i++)
		if (exchanges[i]->is_greeting)
			greet(&calls[i], exchanges[i]);
		else if (exchanges[i]->kept)
			qlm_call_resume(&calls[i], exchanges[i]);
		else
			begin_call(&calls[i], exchanges[i]);
	if (n == 1)
		calls[0].alone = true;
	else
	{
		leave_handlers_out(calls, n);
		execute_writes(calls, n);
	}
	for (int i = 0; i < n; i++)
	{
		execute_rest(&calls[i]);
		qlm_call_remember(&calls[i]);
	}
	begin_sessions(calls, n);
	piggyback(calls, n);
	for (int i = 0; i < n; i++)
		if (!qlm_exchange_was_left_out(exchanges[i]))
			finish_call(&calls[i]);
	qlm_storage_end();
	qlm_answer_size_set(outer);
}

const char *
qlm_exchange_media(const char *answer, Size len)
{
	return len > 0 && answer[0] == '{' ? "application/json; charset=UTF-8" :
		"text/xml; charset=UTF-8";
}

/*
 * The answer that was kept, else one in the dialect of the message, as far as
 * it can be read
 */
static void
print_refusal(QlmExchange *exchange, int status, const char *description)
{
	int			error_code;
	const char *error;
	QlmEnvelope *request;
	QlmEnvelope *answer;

	qlm_exchange_begin_answer(exchange);
	if (exchange->kept)
	{
		appendBinaryStringInfo(&exchange->answer, exchange->kept->answer,
							   exchange->kept->answer_len);
		return;
	}
	if (exchange->discovery)
	{
		qlm_discovery_refuse(exchange, status, description);
		return;
	}
	request = qlm_envelope_parse(exchange->body, exchange->body_len,
								 exchange->charset, &error_code, &error);
	answer = qlm_envelope_create(&request->dialect,
								 answer_ttl(&request->dialect));
	qlm_request_add_result(qlm_envelope_add_request(answer, QLM_RESPONSE),
						   status, description);
	qlm_envelope_print(&exchange->answer, answer);
}

/* What is left to say where even that fails, as for want of memory */
static void
give_bare_refusal(QlmExchange *exchange)
{
	static char text[] =
		"<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/2.0/\" version=\"2.0\" ttl=\"10\">"
		"<response><result><return returnCode=\"500\"/></result></response></omiEnvelope>";

	exchange->answer.data = text;
	exchange->answer.len = sizeof(text) - 1;
	exchange->answer.maxlen = sizeof(text);
}

/*
 * No transaction is open and nobody else catches an error here: it would end
 * the worker, and the requests of others with it.
 */
void
qlm_exchange_refuse(QlmExchange *exchange, int status, const char *description)
{
	MemoryContext context = CurrentMemoryContext;

	exchange->status = exchange->kept ? 200 : status;
	PG_TRY();
	{
		print_refusal(exchange, status, description);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		give_bare_refusal(exchange);
		exchange->status = 500;
	}
	PG_END_TRY();
}
