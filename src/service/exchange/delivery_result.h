/*
 * delivery_result.h
 *		The result of a message at its receiver, from its HTTP status and its
 *		answer.
 */
#ifndef QLM_DELIVERY_RESULT_H
#define QLM_DELIVERY_RESULT_H

#include "nodes/pg_list.h"

#include "storage/outbox/outbox.h"

typedef enum QlmReception
{
	QLM_RECEPTION_TAKEN,		/* done, or answered */
	QLM_RECEPTION_LATER,		/* not now, or not reached: it is tried again */
	QLM_RECEPTION_DOUBTFUL,		/* refused, and nobody knows for how long */
	QLM_RECEPTION_REFUSED		/* another try would only repeat it */
} QlmReception;

#define QLM_MAX_RECEPTION 400

/* What came back */
typedef struct QlmReply
{
	int			status;			/* of HTTP; 0: nothing */
	const char *body;
	Size		len;
	const char *location;		/* where a redirect leads; NULL or empty: nowhere */
	bool		is_peers;		/* all of what a peer said at its URL: an envelope,
								 * or nothing */
	bool		is_page;		/* found: it is a web page, instead of a word */
} QlmReply;

/*
 * An envelope may say
 * that a message is refused at status 200, too.  message NULL: a heartbeat.
 * Where it was not taken *why says what the other end has said, shorter than
 * QLM_MAX_RECEPTION, and of an envelope the code and its description.
 * Needs no transaction.
 */
extern QlmReception qlm_reception_judge(const QlmOutboxRow *message,
										QlmReply *reply, char *why);

/*
 * Is this an answer to a request of ours that says: not now?  asked: the
 * request; codes of its results in order.
 */
extern bool qlm_reception_is_later(const char *asked, const List *results);

#endif							/* QLM_DELIVERY_RESULT_H */
