/*
 * json_shape.h
 *		What the members of a JSON message are: elements, attributes or texts.
 *
 * Private to this folder.
 */
#ifndef QLM_JSON_SHAPE_H
#define QLM_JSON_SHAPE_H

#include "json/json.h"

typedef enum QlmJsonShape
{
	ENVELOPE, VERB, RESPONSE, RESULT, RETURN, NODE_LIST, MSG, TEXT,
	OBJECTS, OBJECT, ID, DESCRIPTION, ITEM, META_DATA, VALUE
} QlmJsonShape;

/* A member that is an element, or several of them */
typedef struct QlmJsonChild
{
	const char *member;
	const char *element;		/* NULL: called like the member */
	QlmJsonShape shape;
	bool		not_scalar;		/* a scalar of this name is an attribute */
	bool		may_be_null;	/* then an empty element; else none at all */
} QlmJsonChild;

typedef struct QlmJsonShapeRow
{
	QlmJsonChild children[9];
	const char *texts[3];		/* members that are the text */
	bool		has_text;		/* a scalar in its place is its text */
	bool		is_odf;			/* may have "attributes" */
} QlmJsonShapeRow;

extern const QlmJsonShapeRow *qlm_json_shape(QlmJsonShape shape);

/* NULL: the member is no element there */
extern const QlmJsonChild *qlm_json_shape_child(QlmJsonShape shape, const QlmJson *member);
extern bool qlm_json_shape_is_text(QlmJsonShape shape, const QlmJson *member);

#endif							/* QLM_JSON_SHAPE_H */
