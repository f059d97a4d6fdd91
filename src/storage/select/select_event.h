/*
 * select_event.h
 *		Single values of InfoItems, for subscriptions.
 */
#ifndef QLM_SELECT_EVENT_H
#define QLM_SELECT_EVENT_H

#include "storage/select/select_value.h"

/*
 * The tree of InfoItems with just these values, in the order given per
 * InfoItem; times of one InfoItem may repeat.  What the current user may not
 * see, and what is gone, is left out.  NULL where nothing remains.
 */
extern QlmOdf *qlm_select_events(const QlmEvent *events, int n);

/* InfoItems at or below the paths or what these stand for, that the current user may see */
extern int	qlm_select_items(const char **paths, int npaths,
							 int **info_item_ids);

/* Newest value at or before each of the times (ascending); n events at most */
extern int	qlm_select_at(int info_item_id, const TimestampTz *times, int n,
						  QlmEvent *events);

#endif							/* QLM_SELECT_EVENT_H */
