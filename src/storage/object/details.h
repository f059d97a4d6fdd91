/*
 * details.h
 *		What describes a node besides its values, as structs and as jsonb.
 *
 * One document stands for all of it:
 *		{"type": t, "description": {"en": d, "": {"text": d, "attributes": a}},
 *		 "attributes": {name: value}, "alt_names": [name], "ids": [id],
 *		 "meta_data": {name: document}}
 * An id or name is a string in alt_names where it has no attributes, else
 * {"id": i, "idType": t, "tagType": t, "startDate": d, "endDate": d,
 * "attributes": a}.  A MetaData document has also "value", "value_type", "ts",
 * "is_odf" and "value_attributes".  Its parts are what the columns hold.
 */
#ifndef QLM_DETAILS_H
#define QLM_DETAILS_H

#include "utils/jsonb.h"

#include "message/odf.h"

/* The document, as a jsonb Datum; 0 if there is nothing in it. */
extern Datum qlm_details_object_to_jsonb(const QlmObject *object);
extern Datum qlm_details_item_to_jsonb(const QlmInfoItem *item);

/* What of it the node's own row has; 0 or NULL where there is nothing. */
typedef struct QlmDetailsColumns
{
	const char *type;
	Datum		description;
	Datum		alt_names;
	Datum		attributes;
} QlmDetailsColumns;

extern void qlm_details_object_columns(const QlmObject *object,
									   QlmDetailsColumns *columns);
extern void qlm_details_item_columns(const QlmInfoItem *item,
									 QlmDetailsColumns *columns);

/* Proprietary attributes alone; 0 if there are none. */
extern Datum qlm_details_attributes_to_jsonb(const QlmAttribute *attributes);

/* SQL: attributes without those that are empty, which means to be removed */
#define QLM_SQL_GIVEN_ATTRIBUTES(attributes) \
	"(SELECT pg_catalog.jsonb_object_agg(a.key, a.value)" \
	" FROM pg_catalog.jsonb_each(" attributes ") a WHERE a.value <> '\"\"')"

#endif							/* QLM_DETAILS_H */
