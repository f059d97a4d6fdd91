/*
 * node_bulk.h
 *		New Objects and InfoItems into their tables, many at a time.
 */
#ifndef QLM_NODE_BULK_H
#define QLM_NODE_BULK_H

/* An Object or InfoItem that is to be made */
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

/*
 * Insert nodes of one kind and give them their ids.  Their parents must be new
 * in this transaction, or locked, or none: foreign keys are not checked.  False
 * if an INSERT must do it, since it would do more than this or may not be done.
 */
extern bool qlm_node_bulk_insert(QlmNewNode **nodes, int n);

#endif							/* QLM_NODE_BULK_H */
