/*
 * poll.h
 *		Polling a subscription.
 */
#ifndef QLM_POLL_H
#define QLM_POLL_H

#include "message/odf.h"
#include "storage/subscription/subscription.h"

/* The values since the last poll in the tree of what it covers */
extern QlmOdf *qlm_poll(QlmSubscription *subscription, const char **note);

#endif							/* QLM_POLL_H */
