/*
 * delete_part.h
 *		What a delete names inside of Objects and InfoItems, which stay.
 */
#ifndef QLM_DELETE_PART_H
#define QLM_DELETE_PART_H

#include "storage/select/wanted_tree.h"

/* How much a delete has removed */
typedef struct QlmDeleted
{
	int64		nodes;			/* leaves, each with all below it */
	int64		values;
	int64		meta_data;
	int64		descriptions;
	int64		names;			/* further ids and other names */
} QlmDeleted;

typedef struct QlmDeleteParts QlmDeleteParts;

/* To be collected before aliases are replaced in the request: they are names, too. */
extern QlmDeleteParts *qlm_delete_parts_collect(const QlmOdf *request);

/*
 * Where each of them is in the tree that was found for the request.  Marks what
 * is named without parts; what is there, but of another type than the request
 * says, counts as not there.
 */
extern void qlm_delete_parts_find_nodes(QlmDeleteParts *parts, QlmWantedTree *tree,
										const QlmOdf *request);

/*
 * Remove them, as the current user, and count them.  Returns whether any was
 * found; those that were not are added to *missing.
 */
extern bool qlm_delete_parts_remove(QlmDeleteParts *parts, QlmDeleted *deleted,
									QlmOdf **missing);

#endif							/* QLM_DELETE_PART_H */
