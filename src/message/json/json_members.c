/*
 * json_members.c
 *		The members of an object in a JSON envelope that are not elements: its
 *		text and attributes, and members that are neither.
 *
 * Attributes of the sender may be among the others.  But in an element that
 * would be empty otherwise, such a member is more likely its content, under an
 * unknown name.
 */
#include "postgres.h"

#include "base/limits.h"
#include "json/json.h"
#include "message/json/json_members.h"
#include "message/parse/refuse.h"
#include "message/parse/unknown.h"
#include "xml/writer.h"

static bool
is_attribute(const QlmJsonWalk *walk, const char *name)
{
	for (int i = 0; i < walk->nattributes; i++)
		if (strcmp(walk->attributes[i].name, name) == 0)
			return true;
	return false;
}

/* As in XML, no attribute may be given twice. */
static void
add_attribute(QlmJsonWalk *walk, const char *prefix, const char *name,
			  const char *text, int len)
{
	QlmXmlAttribute *attribute;

	if (is_attribute(walk, name))
		qlm_parser_fail(walk->parser, 400, "\"%s\" is given twice",
						qlm_parser_excerpt(walk->parser, name, strlen(name)));
	else if (walk->nattributes == QLM_MAX_ATTRIBUTES)
		qlm_parser_fail(walk->parser, 413, "An object has more than %d attributes",
						QLM_MAX_ATTRIBUTES);
	else if (len > QLM_MAX_ATTRIBUTE_SIZE)
		qlm_parser_fail(walk->parser, 413,
						"An attribute is longer than %d bytes",
						QLM_MAX_ATTRIBUTE_SIZE);
	else if (strlen(name) > QLM_MAX_NAME)
		qlm_parser_fail(walk->parser, 413,
						"The name of an attribute is longer than %d bytes",
						QLM_MAX_NAME);
	else
	{
		attribute = &walk->attributes[walk->nattributes++];
		attribute->name = name;
		attribute->prefix = prefix;
		attribute->uri = NULL;
		attribute->value = text;
		attribute->len = len;
	}
}

/* Is it a declaration of a namespace, or xml:lang and the like? */
static bool
is_about_xml(const char *name)
{
	return strcmp(name, "xmlns") == 0 || strncmp(name, "xmlns:", 6) == 0 ||
		strncmp(name, "xml:", 4) == 0;
}

/*
 * Adds a member as an attribute.  Those about XML itself are ignored.  Its
 * name must be valid in XML, as the envelope may be forwarded as XML.
 */
static void
take_attribute(QlmJsonWalk *walk, const QlmJson *json)
{
	const char *colon = strchr(json->name, ':');
	const char *name = colon != NULL ? colon + 1 : json->name;
	const char *prefix = colon == NULL ? NULL :
		pnstrdup(json->name, colon - json->name);

	if (!qlm_json_is_scalar(json) || json->kind == QLM_JSON_NULL ||
		is_about_xml(json->name) ||
		strncmp(json->name, "xsi:", 4) == 0)
		return;
	if (!qlm_xml_is_name(name))
	{
		walk->parser->json_at = json;
		qlm_parser_fail(walk->parser, 400,
						"\"%s\" cannot be the name of an attribute",
						qlm_parser_excerpt(walk->parser, name, strlen(name)));
		return;
	}
	add_attribute(walk, prefix, name, json->as.text, json->len);
}

void
qlm_json_members_infer_type(QlmJsonWalk *walk, const QlmJson *value)
{
	const char *type = NULL;

	if (is_attribute(walk, "type"))
		return;
	if (value->kind == QLM_JSON_NUMBER)
		type = "xs:double";
	else if (value->kind == QLM_JSON_TRUE || value->kind == QLM_JSON_FALSE)
		type = "xs:boolean";
	else if (!qlm_json_is_scalar(value))
		type = "json";
	if (type != NULL)
		add_attribute(walk, NULL, "type", type, strlen(type));
}

/* Refuses two texts for one element, as it is unclear which one counts. */
static void
take_text(QlmJsonWalk *walk, const QlmJson *member, const QlmJson **text)
{
	if (*text == NULL)
		*text = member;
	else
	{
		walk->parser->json_at = member;
		qlm_parser_fail(walk->parser, 400,
						"\"%s\" is given beside \"%s\", and one of them would be lost",
						member->name, (*text)->name);
	}
}

/*
 * Takes attributes that O-DF does not know, if they cannot be mistaken for
 * others.
 */
static void
take_attributes(QlmJsonWalk *walk, const QlmJson *attributes)
{
	if (attributes->kind != QLM_JSON_OBJECT)
	{
		walk->parser->json_at = attributes;
		qlm_parser_refuse(walk->parser, attributes->line,
						  "\"attributes\" is not an object with a member for each attribute");
		return;
	}
	for (const QlmJson *a = attributes->as.first; a != NULL; a = a->next)
	{
		walk->parser->json_at = a;
		if (qlm_json_is_scalar(a))
			take_attribute(walk, a);
		else
			qlm_parser_refuse(walk->parser, a->line,
							  "The attribute \"%s\" is an object or array, but attributes are texts",
							  qlm_parser_excerpt(walk->parser, a->name, strlen(a->name)));
	}
}

static bool
is_attributes(QlmJsonShape shape, const QlmJson *member)
{
	return member->name[0] == 'a' && strcmp(member->name, "attributes") == 0 &&
		qlm_json_shape(shape)->is_odf && member->kind != QLM_JSON_NULL;
}

void
qlm_json_members_collect(QlmJsonWalk *walk, QlmJsonShape shape,
						 const QlmJson *json, const char **uri,
						 const QlmJson **text)
{
	for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
	{
		if (qlm_json_shape_is_text(shape, m))
			take_text(walk, m, text);
		else if (m->name[0] == 'x' && strcmp(m->name, "xmlns") == 0 && m->kind == QLM_JSON_STRING)
			*uri = pnstrdup(m->as.text, m->len);
		else if (is_attributes(shape, m))
			take_attributes(walk, m);
		else if (qlm_json_shape_child(shape, m) == NULL)
			take_attribute(walk, m);
	}
}

/* The attributes of these objects are not examined. */
static bool
has_no_attributes(QlmJsonShape shape, const QlmJson *member)
{
	if (shape == NODE_LIST)
		return strcmp(member->name, "type") != 0;
	return shape == MSG || shape == META_DATA || shape == RESPONSE;
}

void
qlm_json_members_refuse(QlmJsonWalk *walk, QlmJsonShape shape, const QlmJson *member)
{
	if (shape == RETURN || member->kind == QLM_JSON_NULL ||
		is_about_xml(member->name) ||
		is_attributes(shape, member))
		return;
	walk->parser->json_at = member;
	if (!qlm_json_is_scalar(member) || has_no_attributes(shape, member))
		qlm_unknown_member(walk->parser, member->name, member->line);
}

/* Members that make up the content of an element; the others describe it. */
static const char *const contents[][4] = {
	[OBJECTS] = {"Object", "InfoItem", NULL},
	[OBJECT] = {"InfoItem", "Object", NULL},
	[ITEM] = {"values", "value", NULL},
	[ID] = {"id", "value", "text", NULL},
	[DESCRIPTION] = {"text", "value", NULL},
};

static const char *const names[] = {
	[OBJECTS] = "Objects", [OBJECT] = "an Object", [ITEM] = "an InfoItem",
	[ID] = "an id or name", [DESCRIPTION] = "a description"
};

static bool
has_content(QlmJsonShape shape, const QlmJson *json)
{
	for (int i = 0; contents[shape][i] != NULL; i++)
		if (qlm_json_find(json, contents[shape][i]) != NULL)
			return true;
	return false;
}

/* Is it neither of O-DF nor of another vocabulary? */
static bool
is_own(QlmJsonShape shape, const QlmJson *member)
{
	static const char *const known[] = {
		"type", "name", "udef", "version", "prefix", "idType", "tagType",
		"startDate", "endDate", "lang", NULL
	};

	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(member->name, known[i]) == 0)
			return false;
	return qlm_json_is_scalar(member) && member->kind != QLM_JSON_NULL &&
		strchr(member->name, ':') == NULL && !is_about_xml(member->name) &&
		qlm_json_shape_child(shape, member) == NULL && !is_attributes(shape, member);
}

static bool
is_checked(const QlmJsonWalk *walk, QlmJsonShape shape)
{
	QlmVerb		verb;

	if (shape != OBJECTS && shape != OBJECT && shape != ITEM && shape != ID &&
		shape != DESCRIPTION)
		return false;
	verb = walk->parser->level->request->verb;
	return verb == QLM_WRITE || verb == QLM_CALL || verb == QLM_RESPONSE;
}

void
qlm_json_members_check(QlmJsonWalk *walk, QlmJsonShape shape,
					   const QlmJson *json)
{
	if (!is_checked(walk, shape) || json->kind != QLM_JSON_OBJECT ||
		has_content(shape, json))
		return;
	for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
		if (is_own(shape, m))
		{
			walk->parser->json_at = m;
			qlm_parser_refuse(walk->parser, m->line,
							  "\"%s\" is not a member of %s that holds neither \"%s\" nor \"%s\": an attribute of your own stands in \"attributes\" there",
							  qlm_parser_excerpt(walk->parser, m->name, strlen(m->name)),
							  names[shape], contents[shape][0], contents[shape][1]);
			return;
		}
}
