/*
 * missing_nodes.h
 *		Makes the Objects and InfoItems that a write names and nobody has yet.
 */
#ifndef QLM_MISSING_NODES_H
#define QLM_MISSING_NODES_H

#include "message/odf.h"
#include "storage/object/node_id_cache.h"

typedef struct QlmMissingNodes QlmMissingNodes;

/* A node that the cache does not know */
typedef struct QlmNewNode
{
	const struct QlmNewNode *parent;	/* NULL: the parent is known */
	int			parent_id;		/* 0: the top; -1: not known yet */
	int			depth;
	bool		is_item;
	int			id;				/* 0: not known yet */
	const char *name;
	const char *path;

	struct QlmWrite *write;		/* the first that names it */

	/* What the message says of it; the other one is NULL */
	const QlmObject *object;
	const QlmInfoItem *item;
} QlmNewNode;

/* What is found or made is added to the cache. */
extern QlmMissingNodes *qlm_missing_nodes_create(QlmNodeIdCache *cache);
extern int	qlm_missing_nodes_count(const QlmMissingNodes *missing);
extern const QlmNewNode *qlm_missing_nodes_get(const QlmMissingNodes *missing, int i);

/*
 * Remember a node, which is copied; returns the one that stands for its path.
 * That may be of the other kind, which is the caller's error to report.
 */
extern const QlmNewNode *qlm_missing_nodes_add(QlmMissingNodes *missing,
											   const QlmNewNode *node);

/* Look them up in the tables; returns how many are in the cache now. */
extern int	qlm_missing_nodes_find(QlmMissingNodes *missing);

/*
 * Make all of them and put them into the cache.  False if somebody else came
 * first with one: then nothing was made, and the caller must look again.
 */
extern bool qlm_missing_nodes_make(QlmMissingNodes *missing);

#endif							/* QLM_MISSING_NODES_H */
