/*
 * rename_target.h
 *		Targets of subscriptions that reach a node by aliases of what is above it.
 *		Used by rename.c only.
 */
#ifndef QLM_RENAME_TARGET_H
#define QLM_RENAME_TARGET_H

#include "nodes/pg_list.h"

/*
 * Targets at or below a node that name it by its first id, and something above
 * it by another one: what they will be called when it has another id.  To be
 * asked while it has the old one.  As the owner.
 */
extern List *qlm_rename_targets(const char *path, const char *new_id);

/* Change what the other has returned. */
extern void qlm_rename_move_targets(const List *targets);

#endif							/* QLM_RENAME_TARGET_H */
