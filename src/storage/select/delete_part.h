/*
 * delete_part.h
 *		What a delete names inside of Objects and InfoItems, which stay.
 */
#ifndef QLM_STORAGE_DELETE_PART_H
#define QLM_STORAGE_DELETE_PART_H

#include "storage/select/select.h"
#include "storage/select/select_request.h"

typedef struct QlmParts QlmParts;

/* To be collected before aliases are replaced in the request: they are names, too. */
extern QlmParts *qlm_parts_collect(const QlmOdf *request);

/*
 * Where each of them is in the tree that was found for the request.  Marks what
 * is named without parts; what is there, but of another type than the request
 * says, counts as not there.
 */
extern void qlm_parts_find_nodes(QlmParts *parts, QlmWantedTree *tree,
								 const QlmOdf *request);

/*
 * Remove them, as the current user, and count them.  Returns whether any was
 * found; those that were not are added to *missing.
 */
extern bool qlm_parts_delete(QlmParts *parts, QlmDeleted *deleted,
							 QlmOdf **missing);

#endif							/* QLM_STORAGE_DELETE_PART_H */
