/*
 * job_held.c
 *		Completes held answers with what has come for them.
 *
 * The held text is parsed only if something is added to it.  Otherwise it
 * leaves, or is held further, as it is.
 */
#include "postgres.h"

#include "message/text/envelope_text.h"
#include "service/forward/stand_in.h"
#include "service/road/exchange_journal.h"
#include "service/road/held.h"
#include "service/road/job_held.h"

/*
 * Looks the peer up again: it may have been dropped, or have another
 * credential.
 */
static void
find_peer(QlmExchange *exchange)
{
	const QlmHeldAnswer *held = exchange->job->held_answer;

	if (!qlm_exchange_begin_for_peer(exchange, exchange->job, held->peer_id) ||
		exchange->peer->proof != held->proof)
		exchange->peer = NULL;
}

/*
 * Replaces stand-ins by the answers of other nodes once all have come or the
 * time is over.  The answer that is remembered for the request is updated,
 * too.
 */
static void
complete(QlmExchange *exchange)
{
	const QlmJob *job = exchange->job;
	int			error_code;
	const char *error;

	if (!job->is_last && !qlm_stand_ins_are_final(job->held_answer))
		return;
	qlm_exchange_read_held(exchange);
	qlm_stand_in_replace(exchange);
	exchange->request = qlm_envelope_parse(job->body, job->body_len, job->charset,
										   &error_code, &error);
	exchange->phase = QLM_PHASE_COMPLETED;
	find_peer(exchange);
}

void
qlm_held_begin(QlmExchange *exchange)
{
	QlmJob	   *job = exchange->job;
	const QlmHeldAnswer *held = job->held_answer;
	QlmDialect	dialect = qlm_dialect_of(held->dialect);

	job->waits = held->nawaited == 0 || job->prefer_wait > 0;
	exchange->phase = QLM_PHASE_HELD;
	exchange->request = qlm_envelope_create(&dialect, 0);
	if (held->nawaited > 0)
		complete(exchange);
	else if (held->by_queue)
		find_peer(exchange);
}

void
qlm_held_finish(QlmExchange *exchange)
{
	if (exchange->phase == QLM_PHASE_HELD && !qlm_exchange_has_nested(exchange))
	{
		qlm_job_give_held(exchange->job);
		qlm_exchange_hold_on(exchange);
		return;
	}
	qlm_job_begin_answer(exchange->job);
	qlm_exchange_print_answer(exchange);
	qlm_exchange_write_journal(exchange);
}

void
qlm_held_refuse(QlmJob *job, int status, const char *description)
{
	job->status = 200;
	qlm_job_give_held(job);
}
