/*
 * object.h
 *		Makes the Objects and InfoItems that a write names and nobody has yet.
 */
#ifndef QLM_STORAGE_OBJECT_H
#define QLM_STORAGE_OBJECT_H

#include "message/odf.h"
#include "storage/object/object_cache.h"

typedef struct QlmMissing QlmMissing;

/* A node that the cache does not know */
typedef struct QlmMissingNode
{
	const struct QlmMissingNode *parent;	/* NULL: the parent is known */
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
} QlmMissingNode;

/* What is found or made is added to the cache. */
extern QlmMissing *qlm_missing_create(QlmObjectCache *cache);
extern int	qlm_missing_count(const QlmMissing *missing);
extern const QlmMissingNode *qlm_missing_node(const QlmMissing *missing, int i);

/*
 * Remember a node, which is copied; returns the one that stands for its path.
 * That may be of the other kind, which is the caller's error to report.
 */
extern const QlmMissingNode *qlm_missing_add(QlmMissing *missing,
											 const QlmMissingNode *node);

/* Look them up in the tables; returns how many are in the cache now. */
extern int	qlm_missing_find(QlmMissing *missing);

/*
 * Make all of them and put them into the cache.  False if somebody else came
 * first with one: then nothing was made, and the caller must look again.
 */
extern bool qlm_missing_make(QlmMissing *missing);

#endif							/* QLM_STORAGE_OBJECT_H */
