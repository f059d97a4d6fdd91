/*
 * subscription_match.h
 *		Which subscriptions want which new values.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_MATCH_H
#define QLM_SUBSCRIPTION_MATCH_H

#include "utils/tuplestore.h"
#include "storage/select/select_value.h"
#include "storage/subscription/subscription.h"

/* New values that a subscription wants, as match_new returns them */
typedef struct QlmMatch
{
	const QlmSubscription *subscription;	/* until the transaction ends */
	int			nevents;
	QlmEvent   *events;			/* in order of time */
} QlmMatch;

/*
 * Which subscriptions want which of the rows just inserted into qlm.value?
 * The rows are the transition table of the calling trigger.  Only values
 * strictly newer than all others of their InfoItem count, and those that came
 * without a time.
 */
extern int	qlm_subscription_match_new(Tuplestorestate *rows, TupleDesc desc,
									   QlmMatch **matches);

#endif							/* QLM_SUBSCRIPTION_MATCH_H */
