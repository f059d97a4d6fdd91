/*
 * select_node.h
 *		Rows of Objects and InfoItems, and the elements made of them.
 */
#ifndef QLM_SELECT_NODE_H
#define QLM_SELECT_NODE_H

#include "storage/select/wanted_tree.h"

/*
 * Columns of a statement whose rows qlm_node_row reads; o is qlm.object and i
 * is qlm.info_item.
 */
#define QLM_OBJECT_IDS \
	"(SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(" \
	"pg_catalog.jsonb_build_object('id', d.id, 'idType', d.id_type," \
	" 'tagType', d.tag_type, 'startDate', pg_catalog.lower(d.validity)," \
	" 'endDate', pg_catalog.upper(d.validity), 'attributes', d.attributes))" \
	" ORDER BY d.position, d.id)" \
	" FROM qlm.object_id d WHERE d.object_id = o.object_id)"

#define QLM_OBJECT_COLUMNS \
	"false, o.object_id, o.parent_id, o.path, o.id, o.type, o.description," \
	" o.attributes, " QLM_OBJECT_IDS ", false"

#define QLM_ITEM_COLUMNS \
	"true, i.info_item_id, i.object_id, i.path, i.name, i.type," \
	" i.description, i.attributes, i.alt_names," \
	" EXISTS (SELECT FROM qlm.meta_data m" \
	" WHERE m.info_item_id = i.info_item_id)"

/* Everything is copied. */
extern QlmNodeRow *qlm_node_row(const Datum *values, const bool *nulls);
extern void qlm_node_row_free(QlmNodeRow *row);

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
