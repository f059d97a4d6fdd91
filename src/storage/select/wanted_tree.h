/*
 * wanted_tree.h
 *		A request tree, with each node once, and what was found of it.
 */
#ifndef QLM_WANTED_TREE_H
#define QLM_WANTED_TREE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "message/odf.h"
#include "storage/select/node_row.h"

typedef struct QlmWanted
{
	struct QlmWanted *parent;	/* NULL: this is the root */
	struct QlmWanted *next;
	struct QlmWanted *children;
	struct QlmWanted *last_child;
	bool		is_item;
	bool		is_leaf;		/* wanted with all below it */
	bool		is_whole;		/* of a delete: named, and nothing in it */
	int			depth;			/* 0: the root */
	const char *name;
	const char *path;

	/* What else the request asks for */
	bool		any_description;
	List	   *languages;		/* of const char *, if not any */
	bool		any_meta_data;
	List	   *meta_data;		/* of const char *, names, if not any */

	/* What is there; NULL: nothing, or nothing that may be seen */
	QlmNodeRow *row;
	bool		is_selected;	/* a leaf that is there, or above one */
	QlmObject  *object;			/* in the answer */
	QlmInfoItem *item;
} QlmWanted;

typedef struct QlmWantedTree QlmWantedTree;

extern QlmWantedTree *qlm_wanted_build(const QlmOdf *request);
extern QlmWanted *qlm_wanted_root(QlmWantedTree *tree);

/* All but the root, parents before children */
extern QlmWanted **qlm_wanted_nodes(QlmWantedTree *tree, int *n);

/* NULL: not named in the request */
extern QlmWanted *qlm_wanted_find(QlmWantedTree *tree, const char *path,
								  bool is_item);

/* Is anything named below something wanted with all below it? */
extern bool qlm_wanted_overlaps(const QlmWantedTree *tree);

/* Have all nodes described, whatever the request says of each. */
extern void qlm_wanted_describe(QlmWantedTree *tree);

/* Set is_selected everywhere; returns the number of leaves there are. */
extern int	qlm_wanted_select(QlmWantedTree *tree);

/* The leaves that are not selected, with their ancestors; NULL: none */
extern QlmOdf *qlm_wanted_missing(QlmWantedTree *tree);

/* The node's Object in that tree, made where it is not there; NULL: the root */
extern QlmObject *qlm_wanted_missing_object(QlmOdf *odf, QlmWanted *wanted);

#endif							/* QLM_WANTED_TREE_H */
