/*
 * node_lock.c
 *		A lock that keeps Objects and InfoItems from being deleted or renamed
 *		while others write by their numbers.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "storage/lmgr.h"

#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"

void
qlm_node_lock(LOCKMODE mode)
{
	LockDatabaseObject(RelationRelationId,
					   qlm_catalog_relid(QLM_REL_INFO_ITEM), 0, mode);
}
