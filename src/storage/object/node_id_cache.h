/*
 * node_id_cache.h
 *		The ids of Objects and InfoItems that this process has met, by parent and
 *		name.
 *
 * Only writes use it; reads have select/node_row_cache.h.  A write by a role that may not
 * see all Objects and InfoItems gets a cache of its own, which is empty.
 */
#ifndef QLM_NODE_ID_CACHE_H
#define QLM_NODE_ID_CACHE_H

#include "lib/ilist.h"
#include "storage/lockdefs.h"

typedef struct QlmCachedNode
{
	int			id;				/* object_id or info_item_id */
	int			parent_id;		/* object_id; 0: at the top */
	bool		is_item;

	/* Hash of the details that are known to be stored; 0: not known */
	uint64		details_hash;
	uint64		details_generation;

	/* For the write that runs: what it has planned to store last */
	uint64		planned_hash;
	uint64		planned_run;
	int			planned_round;

	bool		is_private;		/* of one write's own cache */

	/* Private: what this transaction has added or changed may be undone. */
	dlist_node	fresh;
	int			nest_level;		/* 0: not in the list */
	bool		only_changed;
	char		name[FLEXIBLE_ARRAY_MEMBER];
} QlmCachedNode;

typedef struct QlmNodeIdCache QlmNodeIdCache;

/*
 * Lock out deletes until the transaction ends (core/node_lock.h), and forget what others
 * have deleted before.  Pointers to nodes are valid until the next call, or until the
 * (sub)transaction that added them is rolled back.  If privileges or policies hide nodes
 * from the current user, the cache is empty, and lives in the current memory context.
 */
extern QlmNodeIdCache *qlm_node_id_cache_begin(void);

/* NULL: not known.  parent_id 0: at the top */
extern QlmCachedNode *qlm_node_id_cache_find(const QlmNodeIdCache *cache, int parent_id,
											 const char *name);
/* Add a node that is in the tables; where it is known already, that one is returned. */
extern QlmCachedNode *qlm_node_id_cache_add(QlmNodeIdCache *cache, int parent_id,
											const char *name, bool is_item, int id);

/* Details with this hash are stored. */
extern void qlm_node_id_cache_set_details(QlmCachedNode *node, uint64 hash);

/* Do the stored details of a node have this hash? */
extern bool qlm_node_id_cache_has_details(const QlmCachedNode *node, uint64 hash);

/*
 * A number that changes whenever all nodes are forgotten.  Any statement may cause that, by
 * a trigger that writes; pointers to nodes from before are invalid then.
 */
extern uint64 qlm_node_id_cache_epoch(void);

#endif							/* QLM_NODE_ID_CACHE_H */
