/*
 * node_row.h
 *		Rows of Objects and InfoItems.
 */
#ifndef QLM_NODE_ROW_H
#define QLM_NODE_ROW_H

#include "utils/jsonb.h"

/* An Object or InfoItem as the tables have it */
typedef struct QlmNodeRow
{
	bool		is_item;
	int			id;
	int			parent_id;		/* 0: none */
	const char *path;
	const char *name;
	const char *type;
	Jsonb	   *description;	/* NULL: none, as the next two */
	Jsonb	   *attributes;
	Jsonb	   *names;			/* further ids, or other names */
	bool		has_meta_data;
} QlmNodeRow;

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

/*
 * A row of such columns, all of it copied into the current memory context; to be freed by
 * the other, but for its name and type, which live on in the answer.
 */
extern QlmNodeRow *qlm_node_row(const Datum *values, const bool *nulls);
extern void qlm_node_row_free(QlmNodeRow *row);

#endif							/* QLM_NODE_ROW_H */
