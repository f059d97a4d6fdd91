/*
 * json_members.h
 *		The members of an object in a JSON message that are no elements.
 *
 * Private to this folder.
 */
#ifndef QLM_JSON_MEMBERS_H
#define QLM_JSON_MEMBERS_H

#include "base/limits.h"
#include "message/json/json_shape.h"
#include "message/parse/parser.h"

/* The element that is looked at, on the way through a message */
typedef struct QlmJsonWalk
{
	QlmParser  *parser;
	int			depth;
	int			nattributes;
	QlmXmlAttribute attributes[QLM_MAX_ATTRIBUTES];
} QlmJsonWalk;

/* Set its attributes, and the namespace and the text where there are any. */
extern void qlm_json_members_collect(QlmJsonWalk *walk, QlmJsonShape shape,
									 const QlmJson *json, const char **uri,
									 const QlmJson **text);

/* A value without a type has the one that it shows. */
extern void qlm_json_members_infer_type(QlmJsonWalk *walk, const QlmJson *value);

/* Refuse a member that is neither an element nor an attribute. */
extern void qlm_json_members_refuse(QlmJsonWalk *walk, QlmJsonShape shape,
									const QlmJson *member);

/* Refuse what would be the sender's own if there were anything beside it. */
extern void qlm_json_members_check(QlmJsonWalk *walk, QlmJsonShape shape,
								   const QlmJson *json);

#endif							/* QLM_JSON_MEMBERS_H */
