/*
 * exchange.h
 *		The one way in: bytes and caller in, response out, whatever carried
 *		the message.
 */
#ifndef QLM_EXCHANGE_H
#define QLM_EXCHANGE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

typedef struct QlmExchange
{
	/* What came in. */
	const char *body;
	Size		body_len;
	const char *charset;		/* what the transport says; NULL: nothing */
	const char *authorization;	/* as in the HTTP header; NULL: none */
	const char *peer_name;		/* claimed, from the URL; NULL: none */
	bool		from_session;	/* an SQL call: the session's own rights */
	bool		trusted_peer;	/* peer_name was checked by the caller */

	/* What goes out. */
	StringInfoData answer;		/* an envelope */
	int			status;			/* HTTP's: 200, 400, 401, 413, 415, 500, 503 */
} QlmExchange;

/*
 * Run exchanges as one unit: the caller has started a transaction and keeps
 * or undoes it.  Bad messages become answers.  Anything that the database
 * refuses raises an error where n > 1, so that the caller can roll back and
 * run each alone; for n = 1 it becomes a result, except what asks for a retry
 * (serialization failure, deadlock) or ends the process.  The answers are
 * allocated in the current memory context.
 */
extern void qlm_exchange_run(QlmExchange **exchanges, int n);

/* Answer an exchange that could not be run, e.g. 503 after retries. */
extern void qlm_exchange_refuse(QlmExchange *exchange, int status,
								const char *description);

#endif							/* QLM_EXCHANGE_H */
