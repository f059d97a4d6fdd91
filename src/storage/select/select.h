/*
 * select.h
 *		Tables into payloads, and what a delete removes.
 */
#ifndef QLM_SELECT_H
#define QLM_SELECT_H

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

/*
 * Answer a request tree (protocol 3) with the rights of
 * the current user.  found: the selected nodes with their ancestors, NULL if
 * there are none.  missing: the unknown leaves with their ancestors, NULL if
 * there are none.  Aliases are replaced in the request.
 */
extern void qlm_select(QlmOdf *request, const QlmSelector *selector,
					   QlmOdf **found, QlmOdf **missing);

/* A value of an InfoItem, by its time */
typedef struct QlmEvent
{
	int			info_item_id;
	bool		by_alias;		/* matched: who subscribes calls it otherwise */
	TimestampTz ts;
} QlmEvent;

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

/* How much a delete has removed */
typedef struct QlmDeleted
{
	int64		nodes;			/* leaves, each with all below it */
	int64		values;
	int64		meta_data;
	int64		descriptions;
	int64		names;			/* further ids and other names */
} QlmDeleted;

/*
 * Remove what the leaves of the tree name, as the current user: MetaData, values
 * by their times, descriptions, further ids and other names that stand in them;
 * where nothing does themselves, with all below them.  Returns whether any of it
 * was there; missing as above, with the parts that were not.
 */
extern bool qlm_delete_nodes(QlmOdf *request, QlmDeleted *deleted,
							 QlmOdf **missing);

/*
 * Remove only the values from begin to end, both included, of the leaves and
 * of all below them.  Returns the number of leaves found, nvalues that of the
 * values removed.
 */
extern int	qlm_delete_node_values(QlmOdf *request, TimestampTz begin,
								   TimestampTz end, int64 *nvalues,
								   QlmOdf **missing);

#endif							/* QLM_SELECT_H */
