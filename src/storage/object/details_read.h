/*
 * details_read.h
 *		What describes a node, from jsonb into structs.
 *
 * Users may write these columns, too: what has another form than ours is left out.
 */
#ifndef QLM_DETAILS_READ_H
#define QLM_DETAILS_READ_H

#include "utils/jsonb.h"

#include "message/odf.h"

/* Proprietary attributes; NULL: there are none */
extern QlmAttribute *qlm_details_read_attributes(Jsonb *attributes);

/* Descriptions, ids or other names, added to the list of a node of odf */
extern void qlm_details_read_descriptions(QlmOdf *odf, Jsonb *description,
										  QlmDescription **list);
extern void qlm_details_read_ids(QlmOdf *odf, Jsonb *ids, QlmId **list);

/* A document of MetaData, added to an InfoItem of odf under this name */
extern void qlm_details_read_meta_data(QlmOdf *odf, Jsonb *document,
									   const char *name, QlmInfoItem *item);

#endif							/* QLM_DETAILS_READ_H */
