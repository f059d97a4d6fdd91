/*
 * select_value.h
 *		Values of InfoItems, into an answer.
 */
#ifndef QLM_SELECT_VALUE_H
#define QLM_SELECT_VALUE_H

#include "message/odf.h"

/* Which values of each InfoItem; all zero: the latest one */
typedef struct QlmSelector
{
	int			newest;
	int			oldest;
	int			max_levels;		/* 0: no limit */
	bool		all;
	bool		has_begin;
	bool		has_end;
	TimestampTz begin;
	TimestampTz end;
	bool		details;		/* with descriptions, MetaData and other names */
	bool		no_values;		/* structure only */
} QlmSelector;

/* A value of an InfoItem, by its time */
typedef struct QlmEvent
{
	int			info_item_id;
	bool		by_alias;		/* matched: who subscribes calls it otherwise */
	TimestampTz ts;
} QlmEvent;

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
