/*
 * node_lock.h
 *		Keeps Objects and InfoItems from being deleted or renamed while somebody
 *		writes by their numbers.
 */
#ifndef QLM_NODE_LOCK_H
#define QLM_NODE_LOCK_H

#include "postgres.h"
#include "storage/lockdefs.h"

/*
 * Held until the transaction ends.  Writers take it in RowExclusiveLock, who deletes or
 * renames in ShareRowExclusiveLock.  It is not the lock of the table itself, which a
 * deleter already holds in a weaker mode, so that two of them wait for each other in turn
 * instead of in a circle.
 */
extern void qlm_node_lock(LOCKMODE mode);

#endif							/* QLM_NODE_LOCK_H */
