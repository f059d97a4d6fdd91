/*
 * subscription_visible.h
 *		What the role of a subscription may see of new values.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_VISIBLE_H
#define QLM_SUBSCRIPTION_VISIBLE_H

#include "storage/select/select_value.h"
#include "storage/subscription/subscription.h"

/*
 * Keep only the events, in order of time, that the subscription's role may see,
 * and may know by the name that they are subscribed by; returns how many.  What
 * is polled is looked at again then, with the settings of who polls.
 * No error for a role that is gone or has no rights.
 */
extern int	qlm_subscription_visible(const QlmSubscription *subscription,
									 QlmEvent *events, int n, bool is_polled);

/* Is one of them subscribed by another name than its own? */
extern bool qlm_subscription_by_alias(const QlmEvent *events, int n);

/* May looking for what the role sees run the role's own code? */
extern bool qlm_subscription_is_filtered(Oid role);

#endif							/* QLM_SUBSCRIPTION_VISIBLE_H */
