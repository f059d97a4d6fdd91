/*
 * call.h
 *		One exchange while it is run, shared by the files of this layer.
 */
#ifndef QLM_CALL_H
#define QLM_CALL_H

#include "message/envelope.h"
#include "service/road/exchange.h"
#include "storage/outbox/outbox.h"
#include "storage/peer/peer.h"

typedef struct QlmCall
{
	QlmExchange *exchange;
	QlmEnvelope *request;
	QlmPeer    *peer;			/* a copy; NULL: not a peer */
	Oid			role;			/* whose rights it has */
	TimestampTz received_at;
	QlmEnvelope *answer;
	QlmRequest *response;		/* the one verb of the answer */
	List	   *awaited;		/* of QlmAwaited *, in order of their results */
	int			nforwarded;		/* requests that were sent on for it */
	bool		room_known;
	int			room;			/* messages that it may still queue */
	int64		gathering;		/* the verb's answer goes to its callback under
								 * this requestID; 0: to the caller */
	int			ngathered;		/* messages that it waits for */
	bool		connects;		/* a session of the peer begins with it */
	bool		merged;			/* answers of others have been put in */
	bool		alone;			/* errors become results */
	bool		done;			/* nothing left to execute */
	bool		recalled;		/* it was executed before */
	const char *content;		/* what is asked for; NULL: nobody had to know */
	const char *put_off;		/* why something is refused for now; NULL: nothing is */
	int			nunknown;		/* requestIDs that are none of its caller's */
	bool		unreadable;		/* what came is no message */
} QlmCall;

/* identify.c: fills in peer and role, or refuses the call with 401 */
extern void qlm_call_identify(QlmCall *call);

/* identify.c: a call with the rights of a peer; false: there is none */
extern bool qlm_call_begin_for_peer(QlmCall *call, QlmExchange *exchange,
									int peer_id);

/*
 * response.c: store what a peer answered to our requests, where it may; the code
 * of what may not be stored, 0: there is nothing of the kind
 */
extern int	qlm_results_store(QlmCall *call, List *results);

/*
 * response.c: nothing of a response was executed, and nothing would be if it
 * came again: what it answers is answered with this code.
 */
extern void qlm_response_refused(QlmCall *call, const QlmRequest *request,
								 int code, const char *why);

/* exchange.c: end the call with one result and this HTTP status */
extern void qlm_call_refuse(QlmCall *call, int status, int code,
							const char *description);

/* write_verb.c: the writes of calls with one role, all at once */
extern bool qlm_call_only_writes(const QlmCall *call);
extern void qlm_calls_write(QlmCall **calls, int n);

/* execute.c: this node is a standby, and it would write */
extern bool qlm_request_needs_primary(const QlmRequest *request);

#define QLM_STANDBY_REFUSES \
	"this node is a standby: it answers reads, all else is for the primary"

/* execute.c: one verb with the call's rights; adds its results */
extern void qlm_call_execute(QlmCall *call, const QlmRequest *request);

/* execute.c: an error of one verb may be caught */
extern bool qlm_call_may_guard(const QlmCall *call);

/* together.c: all verbs; where one is refused for now, the status is 503 and nothing was done */
extern void qlm_call_execute_all(QlmCall *call);

/* execute.c: what the database refused, in the protocol's codes */
extern int	qlm_error_code(const ErrorData *error, const char **description);

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
extern void qlm_verb_call(QlmCall *call, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_response(QlmCall *call, const QlmRequest *request,
							  QlmRequest *response);

/* discover.c: look up what is asked for; print what came of it */
extern void qlm_call_discover(QlmCall *call);
extern void qlm_call_finish_discovery(QlmCall *call);
extern void qlm_discovery_refuse(QlmExchange *exchange, int code,
								 const char *description);

/* piggyback.c: nest what is due for the peers of these calls */
extern void qlm_calls_piggyback(QlmCall **calls, int n);
extern bool qlm_call_takes_piggyback(const QlmCall *call);

/* piggyback.c: may its answer carry a request, be it for a try? */
extern bool qlm_call_may_carry(const QlmCall *call);

/* response.c: its peer acknowledges data that are nested in our responses */
extern void qlm_call_acknowledges(QlmCall *call);

/* piggyback.c: how many requests its peer may have unanswered */
extern int	qlm_call_outstanding_max(const QlmCall *call);

/* piggyback.c: a message as its peer is to read it; NULL: it is none */
extern QlmEnvelope *qlm_call_outgoing(const QlmCall *call,
									  const QlmMessage *message);

/* keep.c: take up a call whose answer was kept */
extern void qlm_call_resume(QlmCall *call, QlmExchange *exchange);

/* keep.c: does the answer carry messages for the peer? */
extern bool qlm_call_has_nested(const QlmCall *call);

/* keep.c: once its answer is printed: may, and should, it be kept? */
extern void qlm_call_keep(QlmCall *call);

/*
 * forward.c: send one verb on to the nodes of its nodeList.  May it be at all?
 * If not, the answer says why.
 */
extern bool qlm_call_may_forward(QlmCall *call, const QlmRequest *request);
extern void qlm_verb_forward(QlmCall *call, const QlmRequest *request,
							 QlmRequest *response);

/* forward.c: send one verb on to a peer, which the results call node */
extern void qlm_call_forward(QlmCall *call, const QlmRequest *request,
							 const QlmPeer *peer, const char *node,
							 QlmRequest *response);

/*
 * forward.c: the request as a message for a peer; queue it.  node NULL: the
 * peer's device is asked, whose answer is this node's too.
 */
extern int64 qlm_call_send_on(QlmCall *call, const QlmRequest *request,
							  const QlmPeer *peer, const char *node);

/* forward.c: queue a copy without nodeList, which says that it was here. */
extern int64 qlm_call_queue(const QlmCall *call, const QlmRequest *request,
							QlmMessage *message);

/*
 * forward.c: may it queue another message, for a peer (0: for a URL)?  If
 * not, what is said of it, with code 429
 */
extern bool qlm_call_may_queue(QlmCall *call, int peer_id);
extern const char *qlm_queue_surplus(void);

/* forward.c: is the answer held until the nodes have said theirs? */
extern bool qlm_call_holds(const QlmCall *call);

/*
 * forward.c: these results, from first on, stand for the answer to a message,
 * which is in time, can be polled, or will go to the callback.
 */
extern void qlm_call_stand_in(QlmCall *call, QlmRequest *response, int first,
							  int64 message_id, bool device);

/* forward.c: has it been here before, or at too many nodes? */
extern bool qlm_call_has_been_here(const QlmCall *call);
extern bool qlm_call_went_too_far(const QlmCall *call);

/* read.c: read what is stored here; false: nothing of it */
extern bool qlm_read_stored(const QlmRequest *request, QlmRequest *response);

/* device.c: ask the function or peer that reads the device; false: there is none */
extern bool qlm_read_device(QlmCall *call, const QlmRequest *request,
							QlmRequest *response);

/* forward.c: until when a request that was sent on is held */
extern TimestampTz qlm_call_held_until(const QlmCall *call);

/* await.c: the last results stand for the answer to a message. */
extern void qlm_call_await(QlmCall *call, int64 message_id, int nresults,
						   bool device);

/*
 * await.c: what a message has brought, in place of the results that stand for
 * it.  node NULL: a device was asked.  NIL: nothing that is any use, so they
 * stay.
 */
extern List *qlm_outcome_results(const QlmOutcome *outcome, int64 message_id,
								 const char *node);

/* await.c: keep it until the answers are there; put in those that are. */
extern void qlm_call_keep_awaited(QlmCall *call);
extern void qlm_call_merge(QlmCall *call);

/* await.c: poll the answer of a node; false: the caller has not asked so */
extern bool qlm_poll_forwarded(QlmCall *call, const char *request_id,
							   QlmRequest *response);

#endif							/* QLM_CALL_H */
