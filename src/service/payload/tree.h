/*
 * tree.h
 *		Payload trees from paths, and paths from payload trees.
 */
#ifndef QLM_TREE_H
#define QLM_TREE_H

#include "message/odf.h"

/*
 * A request tree that names each path, both as an Object and as an InfoItem,
 * since a path does not say which it is.  Raises an error for what is no path.
 */
extern QlmOdf *qlm_tree_from_paths(const char **paths, int n);

/* A tree with one InfoItem, which is returned; the path must have two parts. */
extern QlmOdf *qlm_tree_from_item(const char *path, QlmInfoItem **item);

/* The paths of the leaves of a request; one empty path for all Objects */
extern int	qlm_tree_leaves(const QlmOdf *odf, const char ***paths);

/* Called with each InfoItem of the tree and its path */
typedef void (*QlmItemVisitor) (const char *path, QlmInfoItem *item, void *arg);

extern void qlm_tree_visit_items(QlmOdf *odf, QlmItemVisitor visit, void *arg);

/* Leave values and types only: no descriptions, other names, MetaData. */
extern void qlm_tree_strip(QlmOdf *odf);

/* Add a tree to another: what both have is there once, with the values of both. */
extern void qlm_tree_merge(QlmOdf *into, QlmOdf *odf);

/* Does a leaf of the first tree cover an InfoItem of the second? */
extern bool qlm_tree_covers(const QlmOdf *request, QlmOdf *data);

#endif							/* QLM_TREE_H */
