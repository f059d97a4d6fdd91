/*
 * select_node.h
 *		Objects and InfoItems of an answer, made of what the tables hold.
 */
#ifndef QLM_SELECT_NODE_H
#define QLM_SELECT_NODE_H

#include "storage/select/node_row.h"
#include "storage/select/wanted_tree.h"

/*
 * Look up all nodes that a request names and select its leaves; returns how
 * many of them there are.
 */
extern int	qlm_select_nodes_find(QlmWantedTree *tree);

/*
 * Add to an answer.  wanted is NULL for a node that is only implied, which
 * gets stubs; bare: not even these.
 */
extern QlmObject *qlm_select_node_add_object(QlmOdf *odf, QlmObject *parent,
											 const QlmNodeRow *row,
											 const QlmWanted *wanted, bool bare);
extern QlmInfoItem *qlm_select_node_add_item(QlmOdf *odf, QlmObject *parent,
											 const QlmNodeRow *row,
											 const QlmWanted *wanted, bool bare);

/* Fill in the MetaData that the request asks for. */
extern void qlm_select_node_read_meta_data(QlmOdf *odf, QlmWanted **nodes, int n);

/* Fill in all MetaData of these InfoItems. */
extern void qlm_select_node_read_all_meta_data(QlmOdf *odf, const int *ids,
											   QlmInfoItem **items, int n);

#endif							/* QLM_SELECT_NODE_H */
