/*
 * object_static.h
 *		Merges what messages say of nodes into what is stored of them.
 */
#ifndef QLM_OBJECT_STATIC_H
#define QLM_OBJECT_STATIC_H

#include "storage/object/object_cache.h"
#include "storage/object/static_data.h"

/* What one element of a message says of one node */
typedef struct QlmStaticTask
{
	QlmNode    *node;			/* not for use after SQL has run */
	int			id;
	const QlmObject *object;	/* one of the two is NULL */
	const QlmInfoItem *item;
	uint64		hash;
	QlmStaticParts parts;
	int			round;			/* how many others of this node come before */
} QlmStaticTask;

typedef struct QlmStaticTasks
{
	QlmStaticTask *tasks;
	int			n;
	int			capacity;
	int			rounds;
	uint64		run;
} QlmStaticTasks;

/* Start anew, e.g. all zero. */
extern void qlm_static_tasks_reset(QlmStaticTasks *tasks);

/* Does nothing for what is known to be stored. */
extern void qlm_static_tasks_add_object(QlmStaticTasks *tasks, QlmNode *node,
										const QlmObject *object);
extern void qlm_static_tasks_add_item(QlmStaticTasks *tasks, QlmNode *node,
									  const QlmInfoItem *item);

/* Merge in the order in which they were added. */
extern void qlm_static_tasks_store(QlmStaticTasks *tasks);

#endif							/* QLM_OBJECT_STATIC_H */
