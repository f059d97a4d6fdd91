/*
 * subscription_alias.h
 *		Targets of subscriptions that name nodes by aliases.
 *		Used by subscription_match.c only.
 */
#ifndef QLM_SUBSCRIPTION_ALIAS_H
#define QLM_SUBSCRIPTION_ALIAS_H

#include "base/path_map.h"
#include "storage/core/validity.h"

/* All zero: empty */
typedef struct QlmTargets
{
	MemoryContext context;		/* of what was found; NULL: not looked yet */
	int			n;
	int			capacity;
	QlmPathEntry *entries;		/* all targets */
	int			nabsent;
	int		   *absent;			/* those that are no node's own path */
	QlmPathMap	aliases;		/* own paths of nodes that a target calls otherwise */
	QlmValidity	objects;
	QlmValidity	items;
	QlmValidity	names;
} QlmTargets;

/* The path is kept, not copied; in the current memory context. */
extern void qlm_targets_add(QlmTargets *targets, const char *path, void *data);

/*
 * See to it that what is found is right, in a child of this context; true:
 * it is no longer what it was.  As the owner.
 */
extern bool qlm_targets_look(QlmTargets *targets, MemoryContext parent);

#endif							/* QLM_SUBSCRIPTION_ALIAS_H */
