/*
 * json_shape.c
 *		What the members of a JSON envelope are: elements, attributes or texts.
 *
 * Both spellings in use are accepted: the text of a description is in "text"
 * or "value", that of an id in "id" or "value", and the InfoItems of MetaData
 * are in "InfoItem" or directly in it.
 */
#include "postgres.h"

#include "json/json.h"
#include "message/json/json_shape.h"

static const QlmJsonShapeRow shapes[] = {
	[ENVELOPE] = {{
		{"read", NULL, VERB, false, true}, {"write", NULL, VERB},
		{"call", NULL, VERB}, {"delete", NULL, VERB}, {"cancel", NULL, VERB},
		{"response", NULL, RESPONSE, false, true},
	}},
	[VERB] = {{
		{"nodeList", NULL, NODE_LIST}, {"requestID", NULL, TEXT},
		{"requestId", NULL, TEXT}, {"msg", NULL, MSG},
		{"Objects", NULL, OBJECTS, false, true},
	}},
	[RESPONSE] = {{{"result", NULL, RESULT}}},
	[RESULT] = {{
		{"return", NULL, RETURN}, {"requestID", NULL, TEXT},
		{"requestId", NULL, TEXT}, {"msg", NULL, MSG},
		{"Objects", NULL, OBJECTS, false, true},
		{"nodeList", NULL, NODE_LIST}, {"omiEnvelope", NULL, ENVELOPE},
		{"qlmEnvelope", NULL, ENVELOPE},
	}},
	[RETURN] = {{{NULL}}, {"text", "value"}, true},
	[NODE_LIST] = {{{"node", NULL, TEXT}}},
	[MSG] = {{{"Objects", NULL, OBJECTS, false, true}}, {NULL}, true},
	[TEXT] = {{{NULL}}, {"text", "value"}, true},
	[OBJECTS] = {{{"Object", NULL, OBJECT}, {"InfoItem", NULL, ITEM}},
	{NULL}, false, true},
	[OBJECT] = {{
		{"id", NULL, ID}, {"description", NULL, DESCRIPTION, false, true},
		{"InfoItem", NULL, ITEM}, {"Object", NULL, OBJECT},
	}, {NULL}, false, true},
	[ID] = {{{NULL}}, {"id", "value", "text"}, true, true},
	[DESCRIPTION] = {{{NULL}}, {"text", "value"}, true, true},
	[ITEM] = {{
		{"name", NULL, ID, true}, {"altname", NULL, ID},
		{"altName", "altname", ID},
		{"description", NULL, DESCRIPTION, false, true},
		{"MetaData", NULL, META_DATA, false, true},
		{"values", "value", VALUE}, {"value", NULL, VALUE},
	}, {NULL}, false, true},
	[META_DATA] = {{{"InfoItem", NULL, ITEM}}},
	[VALUE] = {{{"Objects", NULL, OBJECTS, false, true}}, {"value"},
	true, true},
};

/* Most names differ in their first letter. */
static bool
is_called(const QlmJson *member, const char *name)
{
	return member->name[0] == name[0] && strcmp(member->name, name) == 0;
}

const QlmJsonShapeRow *
qlm_json_shape(QlmJsonShape shape)
{
	return &shapes[shape];
}

const QlmJsonChild *
qlm_json_shape_child(QlmJsonShape shape, const QlmJson *member)
{
	const QlmJsonChild *children = shapes[shape].children;

	for (int i = 0; i < lengthof(shapes[shape].children) && children[i].member; i++)
	{
		const QlmJsonChild *child = &children[i];

		if (is_called(member, child->member))
			return child->not_scalar && qlm_json_is_scalar(member) ? NULL : child;
	}
	return NULL;
}

bool
qlm_json_shape_is_text(QlmJsonShape shape, const QlmJson *member)
{
	const char *const *texts = shapes[shape].texts;

	for (int i = 0; i < lengthof(shapes[shape].texts) && texts[i]; i++)
		if (is_called(member, texts[i]))
			return true;
	return false;
}
