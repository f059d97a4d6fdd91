/*
 * delivery_result.h
 *		What the receiver has made of an envelope, from its HTTP status and its
 *		answer.
 */
#ifndef QLM_DELIVERY_RESULT_H
#define QLM_DELIVERY_RESULT_H

#include "nodes/pg_list.h"

#include "storage/outbox/outbox.h"

typedef enum QlmDeliveryResult
{
	QLM_DELIVERY_TAKEN,			/* done, or answered */
	QLM_DELIVERY_LATER,			/* not now, or not reached: it is tried again */
	QLM_DELIVERY_DOUBTFUL,		/* refused, and nobody knows for how long */
	QLM_DELIVERY_REFUSED		/* another try would only repeat it */
} QlmDeliveryResult;

#define QLM_MAX_DELIVERY_WHY 400

/* What came back */
typedef struct QlmDeliveryAnswer
{
	int			status;			/* of HTTP; 0: nothing */
	const char *body;
	Size		len;
	const char *location;		/* where a redirect leads; NULL or empty: nowhere */
	bool		is_peers;		/* all of what a peer said at its URL: an envelope,
								 * or nothing */
	bool		is_page;		/* found: it is a web page, instead of a word */
} QlmDeliveryAnswer;

/*
 * What became of an outbox row that was posted.  An envelope may say that it
 * was refused at status 200, too.  row NULL: a heartbeat.
 * Where it was not taken *why says what the other end has said, shorter than
 * QLM_MAX_DELIVERY_WHY, and of an envelope the code and its description.
 * Needs no transaction.
 */
extern QlmDeliveryResult qlm_delivery_judge(const QlmOutboxRow *row,
											QlmDeliveryAnswer *answer, char *why);

/*
 * Is this an answer to a request of ours that says: not now?  asked: the
 * request; codes of its results in order.
 */
extern bool qlm_delivery_is_later(const char *asked, const List *results);

#endif							/* QLM_DELIVERY_RESULT_H */
