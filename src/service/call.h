/*
 * call.h
 *		One exchange while it is run, shared by the files of this layer.
 */
#ifndef QLM_CALL_H
#define QLM_CALL_H

#include "message/envelope.h"
#include "service/exchange.h"
#include "storage/peer.h"

typedef struct QlmCall
{
	QlmExchange *exchange;
	QlmEnvelope *request;
	QlmPeer    *peer;			/* a copy; NULL: not a peer */
	Oid			role;			/* whose rights it has */
	TimestampTz received_at;
	QlmEnvelope *answer;
	QlmRequest *response;		/* the one verb of the answer */
	bool		alone;			/* errors become results */
	bool		done;			/* nothing left to execute */
} QlmCall;

/* identify.c: fills in peer and role, or refuses the call with 401 */
extern void qlm_call_identify(QlmCall *call);

/* exchange.c: end the call with one result and this HTTP status */
extern void qlm_call_refuse(QlmCall *call, int status, int code,
							const char *description);

/* write_verb.c: the writes of calls with one role, all at once */
extern bool qlm_call_only_writes(const QlmCall *call);
extern void qlm_calls_write(QlmCall **calls, int n);

/* execute.c: one verb with the call's rights; adds its results */
extern void qlm_call_execute(QlmCall *call, const QlmRequest *request);

/* Is there an O-DF payload?  If not, adds the result that says so. */
extern bool qlm_verb_has_odf(const QlmRequest *request, QlmRequest *response);

/*
 * The verbs.  They add results to response, which is the
 * answer's or, where there is a callback, the one that is queued for it.
 */
extern void qlm_verb_read(QlmCall *call, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_write(QlmCall *call, const QlmRequest *request,
						   QlmRequest *response);
extern void qlm_verb_subscribe(QlmCall *call, const QlmRequest *request,
							   QlmRequest *response);
extern void qlm_verb_poll(QlmCall *call, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_cancel(QlmCall *call, const QlmRequest *request,
							QlmRequest *response);
extern void qlm_verb_delete(QlmCall *call, const QlmRequest *request,
							QlmRequest *response);
extern void qlm_verb_response(QlmCall *call, const QlmRequest *request,
							  QlmRequest *response);

/* piggyback.c: nest what is due for the peers of these calls */
extern void qlm_calls_piggyback(QlmCall **calls, int n);

#endif							/* QLM_CALL_H */
