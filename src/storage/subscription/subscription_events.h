/*
 * subscription_events.h
 *		Who subscribes to events of which InfoItems: the cache of this process.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_EVENTS_H
#define QLM_SUBSCRIPTION_EVENTS_H

#include "storage/subscription/subscription.h"

/*
 * Does anybody subscribe to events at all?  From this process's cache; needs
 * no qlm_storage_begin.
 */
extern bool qlm_subscription_any_events(void);

/* Does anybody subscribe with interval -2?  As any_events. */
extern bool qlm_subscription_any_first(void);

/*
 * Does anybody subscribe to events of one of these InfoItems?  They may be in the
 * table or not.
 */
extern bool qlm_subscription_wants(const int *info_item_ids, int n);

typedef struct QlmEventSubscription
{
	QlmSubscription subscription;	/* first: others know only this */
	uint64		call;			/* of match_new that met it last */
	int			match;			/* its number in that call's result */
	int			capacity;		/* of that match's events */
} QlmEventSubscription;

/* Who subscribes to an InfoItem */
typedef struct QlmInterest
{
	QlmEventSubscription *subscription;
	bool		by_alias;		/* only as something that is called so */
} QlmInterest;

typedef struct QlmWantedItem
{
	int			info_item_id;
	bool		known;			/* its path has been looked up */
	bool		wants_first;	/* somebody asks for first values only */
	int			ninterests;
	QlmInterest   *interests;
} QlmWantedItem;

/*
 * Meet InfoItems, to be looked up together: is it known that somebody wants this
 * one?  End: does anybody want one that was not known?  In between an error has
 * all forgotten.
 */
extern void qlm_subscription_begin_meeting(void);
extern bool qlm_subscription_meet(int info_item_id);
extern bool qlm_subscription_end_meeting(void);

/* One that was met; NULL: nobody wants it */
extern QlmWantedItem *qlm_subscription_wanted(int info_item_id);

#endif							/* QLM_SUBSCRIPTION_EVENTS_H */
