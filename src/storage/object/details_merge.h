/*
 * details_merge.h
 *		Merges what messages say of nodes into what is stored of them.
 */
#ifndef QLM_DETAILS_MERGE_H
#define QLM_DETAILS_MERGE_H

#include "storage/object/details_hash.h"
#include "storage/object/node_id_cache.h"

/* What one element of a message says of one node */
typedef struct QlmDetailsTask
{
	QlmCachedNode *node;		/* not for use after SQL has run */
	int			id;
	const QlmObject *object;	/* one of the two is NULL */
	const QlmInfoItem *item;
	uint64		hash;
	QlmDetailsParts parts;
	int			round;			/* how many others of this node come before */
} QlmDetailsTask;

typedef struct QlmDetailsTasks
{
	QlmDetailsTask *tasks;
	int			n;
	int			capacity;
	int			rounds;
	uint64		run;
} QlmDetailsTasks;

/* Start anew, e.g. all zero. */
extern void qlm_details_merge_reset(QlmDetailsTasks *tasks);

/* Does nothing for what is known to be stored. */
extern void qlm_details_merge_add_object(QlmDetailsTasks *tasks, QlmCachedNode *node,
										 const QlmObject *object);
extern void qlm_details_merge_add_item(QlmDetailsTasks *tasks, QlmCachedNode *node,
									   const QlmInfoItem *item);

/* Merge in the order in which they were added. */
extern void qlm_details_merge_store(QlmDetailsTasks *tasks);

#endif							/* QLM_DETAILS_MERGE_H */
