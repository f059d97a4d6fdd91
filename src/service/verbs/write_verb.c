/*
 * write_verb.c
 *		The write verb (protocol 5), for one envelope and for many at once.
 */
#include "postgres.h"

#include "service/exchange/hops.h"
#include "service/payload/future_time.h"
#include "service/payload/verb_payload.h"
#include "service/verbs/write_remark.h"
#include "service/verbs/write_verb.h"
#include "storage/core/rights.h"
#include "storage/write/write.h"

static bool
is_plain_write(const QlmRequest *request)
{
	return request->verb == QLM_WRITE && request->error_code == 0 &&
		request->callback == NULL && request->nodes == NIL &&
		request->odf != NULL && qlm_future_problem(request->odf) == NULL;
}

bool
qlm_exchange_only_writes(const QlmExchange *exchange)
{
	ListCell   *lc;

	if (qlm_exchange_has_been_here(exchange))
		return false;
	foreach(lc, exchange->request->requests)
		if (!is_plain_write(lfirst(lc)))
			return false;
	return true;
}

static void
prepare_write(QlmWrite *write, const QlmExchange *exchange, QlmOdf *odf)
{
	memset(write, 0, sizeof(QlmWrite));
	write->odf = odf;
	write->peer_id = exchange->peer ? exchange->peer->peer_id : 0;
	write->received_at = exchange->received_at;
}

static void
add_outcome(const QlmExchange *exchange, QlmRequest *response, QlmWrite *write)
{
	QlmWriteCounts *counts = exchange->job->counts;

	if (write->error_code != 0)
	{
		qlm_request_add_result(response, write->error_code, write->error);
		return;
	}
	qlm_remark_count(write, LOG);
	if (counts)
		qlm_write_counts_add(counts, &write->counts);
	qlm_request_add_result(response, 200, qlm_remark_describe(&write->counts));
}

void
qlm_verb_write(QlmExchange *exchange, const QlmRequest *request, QlmRequest *response)
{
	QlmWrite	write;
	const char *problem;

	if (!qlm_verb_has_odf(request, response))
		return;
	problem = qlm_future_problem(request->odf);
	if (problem)
	{
		qlm_request_add_result(response, 400, problem);
		return;
	}
	prepare_write(&write, exchange, request->odf);
	if (request->opaque)		/* not counted when the envelope was parsed */
		write.received_at = qlm_write_receipt(request->odf->nvalues + 1);
	qlm_write_run(&write, 1);
	add_outcome(exchange, response, &write);
}

void
qlm_exchanges_write(QlmExchange **exchanges, int n)
{
	int			nwrites = 0;
	QlmWrite   *writes;
	QlmWrite   *write;
	QlmRights	saved;
	ListCell   *lc;

	for (int i = 0; i < n; i++)
		nwrites += list_length(exchanges[i]->request->requests);
	writes = write = palloc(nwrites * sizeof(QlmWrite));
	for (int i = 0; i < n; i++)
		foreach(lc, exchanges[i]->request->requests)
			prepare_write(write++, exchanges[i], ((QlmRequest *) lfirst(lc))->odf);

	qlm_rights_become_caller(exchanges[0]->role, exchanges[0]->job->from_session, &saved);
	qlm_write_run(writes, nwrites);
	qlm_rights_end_caller(&saved, exchanges[0]->job->from_session);

	write = writes;
	for (int i = 0; i < n; i++)
		foreach(lc, exchanges[i]->request->requests)
			add_outcome(exchanges[i], exchanges[i]->response, write++);
	pfree(writes);
}
