/*
 * standby.c
 *		Refuses on a standby what only the primary can do.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"

#include "service/exchange/standby.h"

static const char *const refusal =
	"this node is a standby: it answers reads, all else is for the primary";

static bool
is_standby(void)
{
	return XactReadOnly && RecoveryInProgress();
}

/* A read without payload fetches outbox rows and records that it did. */
bool
qlm_request_needs_primary(const QlmRequest *request)
{
	if (request->error_code != 0 || !is_standby())
		return false;
	return request->verb != QLM_READ || request->has_interval ||
		request->callback || request->request_ids != NIL || request->nodes != NIL ||
		(request->odf == NULL && request->opaque == NULL);
}

/*
 * Requests for the primary are refused before anything is executed.  The
 * sender may repeat them at the primary, or here once this node is promoted.
 */
void
qlm_exchange_refuse_on_standby(QlmExchange *exchange)
{
	ListCell   *lc;

	if (exchange->phase != QLM_PHASE_BEGUN || exchange->request->requests == NIL)
		return;
	foreach(lc, exchange->request->requests)
		if (!qlm_request_needs_primary(lfirst(lc)))
			return;
	qlm_exchange_refuse(exchange, 503, 503, refusal);
}

void
qlm_standby_refuse(QlmRequest *response)
{
	qlm_request_add_result(response, 503, refusal);
}

/*
 * A conflict with recovery cancels a statement.  In a subtransaction the
 * server then ends the whole process, with the connections of other callers.
 * So workers on a standby use no subtransactions: an error ends the
 * transaction, in which nothing was written.
 */
bool
qlm_exchange_may_guard(const QlmExchange *exchange)
{
	return exchange->job->from_session || !is_standby();
}
