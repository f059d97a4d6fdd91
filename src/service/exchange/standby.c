/*
 * standby.c
 *		What a node that is a standby does not do.
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

/* A read without payload fetches what is queued, which would be noted too. */
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
 * What a standby does not take is told before anything is tried: the same will go
 * well at the primary, or here when this node has taken its place.
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
 * What conflicts with recovery is cancelled, but in a subtransaction the server
 * ends the whole process, with the connections of others.  So on a standby a worker
 * has an error end the transaction, in which nothing was written.
 */
bool
qlm_exchange_may_guard(const QlmExchange *exchange)
{
	return exchange->job->from_session || !is_standby();
}
