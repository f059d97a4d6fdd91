/*
 * select_value.h
 *		Values out of qlm.value.
 */
#ifndef QLM_SELECT_VALUE_H
#define QLM_SELECT_VALUE_H

#include "storage/select/select.h"

/* InfoItems of an answer that want their values */
typedef struct QlmValueTargets
{
	int			n;
	int			capacity;
	int		   *ids;
	QlmInfoItem **items;
} QlmValueTargets;

extern void qlm_value_targets_add(QlmValueTargets *targets, int info_item_id,
								  QlmInfoItem *item);

extern void qlm_select_values(QlmOdf *odf, const QlmValueTargets *targets,
							  const QlmSelector *selector);

/* The value at each time, as event i's item; the order of events is kept. */
extern void qlm_select_values_at_events(QlmOdf *odf, const QlmEvent *events,
										QlmInfoItem **items, int n);

#endif							/* QLM_SELECT_VALUE_H */
