/*
 * exchange.h
 *		A job while it is run: who asks, with which rights, how far it has come
 *		and what is answered.
 */
#ifndef QLM_EXCHANGE_H
#define QLM_EXCHANGE_H

#include "message/envelope.h"
#include "service/exchange/job.h"
#include "storage/peer/peer.h"

/* How far it has come; README.md draws it. */
typedef enum QlmPhase
{
	QLM_PHASE_BEGUN,			/* its verbs are to be executed */
	QLM_PHASE_EXECUTED,			/* the answer says what came of them */
	QLM_PHASE_REPEATED,			/* ... as it did when they were executed before */
	QLM_PHASE_HELD,				/* the answer is the one that was held ... */
	QLM_PHASE_COMPLETED,		/* ... with what others have answered since */
	QLM_PHASE_REFUSED,			/* the answer says why none is executed ... */
	QLM_PHASE_UNREADABLE,		/* ... as what came is no message */
	QLM_PHASE_LEFT_OUT			/* not run now, but alone, or later */
} QlmPhase;

typedef struct QlmExchange
{
	QlmJob	   *job;
	QlmPhase	phase;
	bool		alone;			/* errors become results */
	TimestampTz received_at;
	QlmEnvelope *request;

	/* Who asks */
	QlmPeer    *peer;			/* a copy; NULL: not a peer */
	Oid			role;			/* whose rights it has */
	bool		connects;		/* a session of the peer begins with it */
	int			nunknown;		/* requestIDs that are none of its caller's */

	/* What is answered; NULL: a held answer that has not been read yet */
	QlmEnvelope *answer;
	QlmRequest *response;		/* the one verb of the answer */
	const char *put_off;		/* why something is refused for now; NULL: nothing is */
	const char *hash;			/* of what is asked for; NULL: nobody had to know */

	/* What is sent on for it */
	List	   *awaited;		/* of QlmStandIn *, in order of their results */
	int			nforwarded;		/* requests that were sent on */
	bool		room_known;
	int			room;			/* messages that it may still queue */
	int64		collection;		/* the verb's answer goes to its callback under
								 * this requestID; 0: to the caller */
	int			ncollected;		/* messages that it waits for */
} QlmExchange;

/* Nobody is known to ask yet, and nothing is answered. */
extern void qlm_exchange_begin(QlmExchange *exchange, QlmJob *job);

/* With the rights of a peer; false: there is none, or it has no role. */
extern bool qlm_exchange_begin_for_peer(QlmExchange *exchange, QlmJob *job,
										int peer_id);

/* An empty answer in this dialect */
extern void qlm_exchange_begin_answer(QlmExchange *exchange,
									  const QlmDialect *dialect);

/* Read the answer that was held, if that is it, before something is put in. */
extern void qlm_exchange_read_held(QlmExchange *exchange);

/* End it with one result and this HTTP status. */
extern void qlm_exchange_refuse(QlmExchange *exchange, int status, int code,
								const char *description);

/* Of the peer that asks; 0 and NULL: none does */
extern int	qlm_exchange_peer_id(const QlmExchange *exchange);
extern const char *qlm_exchange_peer_name(const QlmExchange *exchange);

/* Does the answer carry messages for the peer? */
extern bool qlm_exchange_has_nested(const QlmExchange *exchange);

/* The answer as a text; one without a result says that all went well. */
extern void qlm_exchange_print_answer(QlmExchange *exchange);

#endif							/* QLM_EXCHANGE_H */
