/*
 * exchange.h
 *		One exchange while it is run, shared by the files of this layer.
 */
#ifndef QLM_EXCHANGE_H
#define QLM_EXCHANGE_H

#include "message/envelope.h"
#include "service/road/job.h"
#include "storage/outbox/outbox.h"
#include "storage/peer/peer.h"

typedef struct QlmExchange
{
	QlmJob	   *job;
	QlmEnvelope *request;
	QlmPeer    *peer;			/* a copy; NULL: not a peer */
	Oid			role;			/* whose rights it has */
	TimestampTz received_at;
	QlmEnvelope *answer;
	QlmRequest *response;		/* the one verb of the answer */
	List	   *awaited;		/* of QlmStandIn *, in order of their results */
	int			nforwarded;		/* requests that were sent on for it */
	bool		room_known;
	int			room;			/* messages that it may still queue */
	int64		collection;		/* the verb's answer goes to its callback under
								 * this requestID; 0: to the caller */
	int			ncollected;		/* messages that it waits for */
	bool		connects;		/* a session of the peer begins with it */
	bool		merged;			/* answers of others have been put in */
	bool		alone;			/* errors become results */
	bool		done;			/* nothing left to execute */
	bool		recalled;		/* it was executed before */
	const char *content;		/* what is asked for; NULL: nobody had to know */
	const char *put_off;		/* why something is refused for now; NULL: nothing is */
	int			nunknown;		/* requestIDs that are none of its caller's */
	bool		unreadable;		/* what came is no message */
} QlmExchange;

/* identify.c: fills in peer and role, or refuses it with 401 */
extern void qlm_exchange_identify(QlmExchange *exchange);

/* identify.c: begin one with the rights of a peer; false: there is no such peer */
extern bool qlm_exchange_begin_for_peer(QlmExchange *exchange, QlmJob *job,
										int peer_id);

/*
 * response.c: store what a peer answered to our requests, where it may; the code
 * of what may not be stored, 0: there is nothing of the kind
 */
extern int	qlm_results_store(QlmExchange *exchange, List *results);

/*
 * response.c: nothing of a response was executed, and nothing would be if it
 * came again: what it answers is answered with this code.
 */
extern void qlm_response_refused(QlmExchange *exchange, const QlmRequest *request,
								 int code, const char *why);

/* exchange.c: end it with one result and this HTTP status */
extern void qlm_exchange_refuse(QlmExchange *exchange, int status, int code,
								const char *description);

/* write_verb.c: the writes of exchanges with one role, all at once */
extern bool qlm_exchange_only_writes(const QlmExchange *exchange);
extern void qlm_exchanges_write(QlmExchange **exchanges, int n);

/* execute.c: this node is a standby, and it would write */
extern bool qlm_request_needs_primary(const QlmRequest *request);

#define QLM_STANDBY_REFUSES \
	"this node is a standby: it answers reads, all else is for the primary"

/* execute.c: one verb with the rights of the exchange; adds its results */
extern void qlm_exchange_execute(QlmExchange *exchange, const QlmRequest *request);

/* execute.c: an error of one verb may be caught */
extern bool qlm_exchange_may_guard(const QlmExchange *exchange);

/* execute.c: what the database refused, in the protocol's codes */
extern int	qlm_error_code(const ErrorData *error, const char **description);

/* Is there an O-DF payload?  If not, adds the result that says so. */
extern bool qlm_verb_has_odf(const QlmRequest *request, QlmRequest *response);

/*
 * The verbs.  They add results to response, which is the
 * answer's or, where there is a callback, the one that is queued for it.
 */
extern void qlm_verb_read(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_write(QlmExchange *exchange, const QlmRequest *request,
						   QlmRequest *response);
extern void qlm_verb_poll(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_delete(QlmExchange *exchange, const QlmRequest *request,
							QlmRequest *response);
extern void qlm_verb_call(QlmExchange *exchange, const QlmRequest *request,
						  QlmRequest *response);
extern void qlm_verb_response(QlmExchange *exchange, const QlmRequest *request,
							  QlmRequest *response);

/* discover.c: look up what is asked for; print what came of it */
extern void qlm_exchange_discover(QlmExchange *exchange);
extern void qlm_exchange_finish_discovery(QlmExchange *exchange);
extern void qlm_discovery_refuse(QlmJob *job, int code,
								 const char *description);

/* piggyback.c: nest what is due for the peers of these exchanges */
extern void qlm_exchanges_piggyback(QlmExchange **exchanges, int n);
extern bool qlm_exchange_takes_piggyback(const QlmExchange *exchange);

/* piggyback.c: may its answer carry a request, be it for a try? */
extern bool qlm_exchange_may_carry(const QlmExchange *exchange);

/* response.c: its peer acknowledges data that are nested in our responses */
extern void qlm_exchange_acknowledges(QlmExchange *exchange);

/* piggyback.c: how many requests its peer may have unanswered */
extern int	qlm_exchange_outstanding_max(const QlmExchange *exchange);

/* piggyback.c: a message as its peer is to read it; NULL: it is none */
extern QlmEnvelope *qlm_exchange_outgoing(const QlmExchange *exchange,
										  const QlmOutboxRow *message);

/* keep.c: take up one whose answer was kept */
extern void qlm_exchange_resume(QlmExchange *exchange, QlmJob *job);

/* keep.c: does the answer carry messages for the peer? */
extern bool qlm_exchange_has_nested(const QlmExchange *exchange);

/* keep.c: once its answer is printed: may, and should, it be kept? */
extern void qlm_exchange_keep(QlmExchange *exchange);

/* read.c: read what is stored here; false: nothing of it */
extern bool qlm_read_stored(const QlmRequest *request, QlmRequest *response);

/* device.c: ask the function or peer that reads the device; false: there is none */
extern bool qlm_read_device(QlmExchange *exchange, const QlmRequest *request,
							QlmRequest *response);

#endif							/* QLM_EXCHANGE_H */
