/*
 * json_events.c
 *		The members of a JSON message as the elements, attributes and text of the
 *		XML that says the same, for the one parser of messages.
 *
 * Members that are no element here are attributes, as their names are the
 * same.  Both spellings in use are taken: the text of a description is in
 * "text" or "value", that of an id in "id" or "value", and MetaData holds its
 * InfoItems in "InfoItem" or directly.
 */
#include "postgres.h"

#include "base/limits.h"
#include "message/json.h"
#include "message/odf_json.h"
#include "message/parser.h"
#include "xml/writer.h"

typedef enum Shape
{
	ENVELOPE, VERB, RESPONSE, RESULT, RETURN, NODE_LIST, MSG, TEXT,
	OBJECTS, OBJECT, ID, DESCRIPTION, ITEM, META_DATA, VALUE
} Shape;

/* A member that is an element, or several of them */
typedef struct Child
{
	const char *member;
	const char *element;		/* NULL: called like the member */
	Shape		shape;
	bool		not_scalar;		/* a scalar of this name is an attribute */
	bool		may_be_null;	/* then an empty element; else none at all */
} Child;

typedef struct ShapeRow
{
	Child		children[9];
	const char *texts[3];		/* members that are the text */
	bool		has_text;		/* a scalar in its place is its text */
	bool		is_odf;			/* may have "attributes" */
} ShapeRow;

static const ShapeRow shapes[] = {
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

typedef struct Walk
{
	QlmParser  *parser;
	int			depth;
	int			nattributes;
	QlmXmlAttribute attributes[QLM_MAX_ATTRIBUTES];
} Walk;

static const Child *
find_child(const ShapeRow *shape, const QlmJson *json)
{
	for (int i = 0; i < lengthof(shape->children) && shape->children[i].member; i++)
	{
		const Child *child = &shape->children[i];

		if (strcmp(child->member, json->name) == 0)
			return child->not_scalar && qlm_json_is_scalar(json) ? NULL : child;
	}
	return NULL;
}

static bool
is_text(const ShapeRow *shape, const QlmJson *json)
{
	for (int i = 0; i < lengthof(shape->texts) && shape->texts[i]; i++)
		if (strcmp(shape->texts[i], json->name) == 0)
			return true;
	return false;
}

static bool
is_attribute(const Walk *walk, const char *name)
{
	for (int i = 0; i < walk->nattributes; i++)
		if (strcmp(walk->attributes[i].name, name) == 0)
			return true;
	return false;
}

/* As in XML, none is given twice. */
static void
add_attribute(Walk *walk, const char *prefix, const char *name,
			  const char *text, int len)
{
	QlmXmlAttribute *attribute;

	if (is_attribute(walk, name))
		qlm_parser_fail(walk->parser, 400, "\"%s\" is given twice",
						qlm_parser_quote(walk->parser, name, strlen(name)));
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
		attribute->value = text;
		attribute->len = len;
	}
}

/* A declaration of a namespace, or xml:lang and the like */
static bool
is_about_xml(const char *name)
{
	return strcmp(name, "xmlns") == 0 || strncmp(name, "xmlns:", 6) == 0 ||
		strncmp(name, "xml:", 4) == 0;
}

/*
 * A member that is an attribute.  Those about XML itself are none; the name
 * must be one that XML can have, for the message may go on as XML.
 */
static void
take_attribute(Walk *walk, const QlmJson *json)
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
		walk->parser->json_line = json->line;
		qlm_parser_fail(walk->parser, 400,
						"\"%s\" cannot be the name of an attribute",
						qlm_parser_quote(walk->parser, name, strlen(name)));
		return;
	}
	add_attribute(walk, prefix, name, json->as.text, json->len);
}

/* A number or boolean without a type has the one that it shows. */
static void
infer_type(Walk *walk, const QlmJson *value)
{
	if (is_attribute(walk, "type"))
		return;
	if (value->kind == QLM_JSON_NUMBER)
		add_attribute(walk, NULL, "type", "xs:double", strlen("xs:double"));
	else if (value->kind == QLM_JSON_TRUE || value->kind == QLM_JSON_FALSE)
		add_attribute(walk, NULL, "type", "xs:boolean", strlen("xs:boolean"));
}

/* Two texts for one: which one counts? */
static void
take_text(Walk *walk, const QlmJson *member, const QlmJson **text)
{
	if (*text == NULL)
		*text = member;
	else
	{
		walk->parser->json_line = member->line;
		qlm_parser_fail(walk->parser, 400,
						"\"%s\" is given beside \"%s\", and one of them would be lost",
						member->name, (*text)->name);
	}
}

/* Sets the namespace and the text, where there are any */
static void
collect_attributes(Walk *walk, Shape kind, const QlmJson *json,
				   const char **uri, const QlmJson **text)
{
	const ShapeRow *shape = &shapes[kind];

	for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
	{
		if (is_text(shape, m))
			take_text(walk, m, text);
		else if (strcmp(m->name, "xmlns") == 0 && m->kind == QLM_JSON_STRING)
			*uri = pnstrdup(m->as.text, m->len);
		else if (shape->is_odf && m->kind == QLM_JSON_OBJECT &&
				 strcmp(m->name, "attributes") == 0)
		{
			for (const QlmJson *a = m->as.first; a != NULL; a = a->next)
			{
				if (!qlm_json_is_scalar(a))
					qlm_strict_member(walk->parser, a->name, a->line);
				take_attribute(walk, a);
			}
		}
		else if (find_child(shape, m) == NULL)
			take_attribute(walk, m);
	}
}

/* What their objects hold that is no element is not looked at as an attribute. */
static bool
has_no_attributes(Shape kind, const QlmJson *member)
{
	if (kind == NODE_LIST)
		return strcmp(member->name, "type") != 0;
	return kind == MSG || kind == META_DATA || kind == RESPONSE;
}

/* Members that are neither elements nor attributes say something else. */
static void
refuse_unknown(Walk *walk, Shape kind, const QlmJson *member)
{
	if (kind == RETURN || member->kind == QLM_JSON_NULL ||
		is_about_xml(member->name) ||
		(shapes[kind].is_odf && member->kind == QLM_JSON_OBJECT &&
		 strcmp(member->name, "attributes") == 0))
		return;
	if (!qlm_json_is_scalar(member) || has_no_attributes(kind, member))
		qlm_strict_member(walk->parser, member->name, member->line);
}

/*
 * An element that is written as something else than an object.  Converters
 * from XML write an empty one as an empty string.
 */
static void
refuse_shape(Walk *walk, const char *name, Shape kind, const QlmJson *json)
{
	bool		is_empty = json->kind == QLM_JSON_NULL ||
		(json->kind == QLM_JSON_STRING && json->len == 0);

	if (json->kind != QLM_JSON_OBJECT && !is_empty &&
		!(kind == META_DATA && json->kind == QLM_JSON_ARRAY))
		qlm_parser_refuse(walk->parser, json->line,
						  "\"%s\" is no object", name);
}

static bool
is_delete(const Walk *walk)
{
	const QlmRequest *request = walk->parser->level->request;

	return request != NULL && request->verb == QLM_DELETE;
}

/*
 * Nothing where a part is named: a delete would remove all around it.  What says
 * nothing of what is deleted may be null.
 */
static void
refuse_nothing(Walk *walk, const QlmJson *member)
{
	static const char *const harmless[] = {
		"msgformat", "callback", "targetType", "requestID", "requestId",
		"nodeList", "version", "ttl", "type", NULL
	};
	bool		is_empty = member->kind == QLM_JSON_NULL;

	if (!is_delete(walk))
		return;
	if (member->kind == QLM_JSON_ARRAY)
	{
		is_empty = member->as.first == NULL;
		for (const QlmJson *e = member->as.first; e != NULL; e = e->next)
			is_empty |= e->kind == QLM_JSON_NULL;
	}
	for (int i = 0; harmless[i] != NULL && is_empty; i++)
		is_empty = strcmp(harmless[i], member->name) != 0;
	if (is_empty)
		qlm_parser_refuse(walk->parser, member->line,
						  "\"%s\" is null or empty, and in a delete it is not clear what that means: leave it out",
						  qlm_parser_quote(walk->parser, member->name, strlen(member->name)));
}

/*
 * An empty text is a value, but a member that is missing, or null, is none.  A
 * delete names a value by its time.
 */
static void
refuse_no_value(Walk *walk, const QlmJson *json, const QlmJson *text)
{
	if (text != NULL ? text->kind == QLM_JSON_NULL :
		(!is_delete(walk) && json->as.first != NULL && qlm_json_find(json, "Objects") == NULL))
		qlm_parser_refuse(walk->parser, json->line,
						  "A value has no member \"value\", or it is null: leave it out, or write a text");
}

static void emit_children(Walk *walk, Shape kind, const QlmJson *json);

/* The text of an element, or a payload that is no O-DF, as JSON */
static void
emit_text(Walk *walk, Shape kind, const QlmJson *text)
{
	StringInfoData buf;

	if (text->kind == QLM_JSON_NULL)
		return;
	if (qlm_json_is_scalar(text))
	{
		if (text->len > 0)
			qlm_parser_handler.text(walk->parser, text->as.text, text->len);
		return;
	}
	if (kind == VALUE && text->kind == QLM_JSON_OBJECT)
	{
		emit_children(walk, kind, text);
		return;
	}
	if (kind != MSG)
	{
		qlm_parser_refuse(walk->parser, text->line,
						  "An object or array stands where a text is expected");
		return;
	}
	initStringInfo(&buf);
	qlm_json_print(&buf, text);
	qlm_parser_handler.text(walk->parser, buf.data, buf.len);
	pfree(buf.data);
}

/*
 * Where a value is itself the text of its element.  A payload that is no O-DF
 * is, whatever it is.
 */
static bool
is_own_text(Shape kind, const QlmJson *json)
{
	if (kind == MSG)
		return qlm_json_is_scalar(json) ||
			(json->as.first != NULL && qlm_json_find(json, "Objects") == NULL);
	return shapes[kind].has_text && json->kind != QLM_JSON_OBJECT;
}

static void
emit_element(Walk *walk, const char *name, Shape kind, const QlmJson *json)
{
	QlmParser  *p = walk->parser;
	const QlmJson *text = NULL;
	const char *uri = NULL;
	QlmXmlElement element = {name};

	if (p->failed)
		return;
	p->json_line = json->line;
	if (walk->depth >= qlm_max_depth)
	{
		qlm_parser_fail(p, 413, "Elements are nested more than %d deep",
						qlm_max_depth);
		return;
	}
	walk->nattributes = 0;
	if (is_own_text(kind, json))
		text = json;
	else if (json->kind == QLM_JSON_OBJECT)
		collect_attributes(walk, kind, json, &uri, &text);
	if (kind == VALUE && text != NULL)
		infer_type(walk, text);
	element.uri = uri;
	element.nattributes = walk->nattributes;
	element.attributes = walk->attributes;
	if (p->failed)
		return;
	walk->depth++;
	qlm_parser_handler.start(p, &element);
	if (text != json)
		refuse_shape(walk, name, kind, json);
	if (kind == VALUE && json->kind == QLM_JSON_OBJECT)
		refuse_no_value(walk, json, text);
	if (text != NULL)
		emit_text(walk, kind, text);
	if (text != json)
		emit_children(walk, kind, json);
	p->json_line = json->line;
	qlm_parser_handler.end(p);
	walk->depth--;
}

static void
emit_child(Walk *walk, const Child *child, const QlmJson *json)
{
	const char *element = child->element ? child->element : child->member;

	if (json->kind != QLM_JSON_NULL || child->may_be_null)
		emit_element(walk, element, child->shape, json);
}

/* InfoItems of MetaData without "InfoItem" around them */
static void
emit_direct_items(Walk *walk, const QlmJson *json)
{
	if (json->kind == QLM_JSON_OBJECT && qlm_json_find(json, "name") != NULL)
		emit_element(walk, "InfoItem", ITEM, json);
	else if (json->kind == QLM_JSON_OBJECT)
	{
		for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
			refuse_unknown(walk, META_DATA, m);
	}
	else if (json->kind == QLM_JSON_ARRAY)
	{
		for (const QlmJson *item = json->as.first; item; item = item->next)
		{
			if (qlm_json_find(item, "InfoItem") != NULL)
				emit_children(walk, META_DATA, item);
			else
				emit_element(walk, "InfoItem", ITEM, item);
		}
	}
}

static void
emit_children(Walk *walk, Shape kind, const QlmJson *json)
{
	if (kind == META_DATA && qlm_json_find(json, "InfoItem") == NULL)
	{
		emit_direct_items(walk, json);
		return;
	}
	if (json->kind != QLM_JSON_OBJECT)
		return;
	for (const QlmJson *m = json->as.first; m && !walk->parser->failed; m = m->next)
	{
		const Child *child = find_child(&shapes[kind], m);

		if (kind != ENVELOPE)
			refuse_nothing(walk, m);
		if (is_text(&shapes[kind], m))
			continue;
		if (child == NULL)
		{
			refuse_unknown(walk, kind, m);
			continue;
		}
		if (m->kind != QLM_JSON_ARRAY || child->shape == META_DATA ||
			child->shape == MSG)
			emit_child(walk, child, m);
		else
			for (const QlmJson *e = m->as.first; e != NULL; e = e->next)
				emit_child(walk, child, e);
	}
}

/* Read the text; NULL: the parser has failed */
static const QlmJson *
read_root(QlmParser *p, const char *data, Size len, const char *charset)
{
	QlmJsonError error;
	const QlmJson *root = qlm_json_read(data, len, charset, &error);

	if (root != NULL)
		return root;
	p->failed = true;
	p->json_code = error.code;
	p->json_error = error.message;
	return NULL;
}

/* What stands beside the envelope is no part of the message. */
static void
refuse_beside(QlmParser *p, const QlmJson *root, const QlmJson *envelope)
{
	for (const QlmJson *m = root->as.first; m != NULL; m = m->next)
		if (m != envelope && m->name[0] != '$' && m->name[0] != '@' &&
			p->levels[0].error == NULL)
			p->levels[0].error = psprintf("\"%s\" stands beside the %s, not in it (line %d)",
										  qlm_parser_quote(p, m->name, strlen(m->name)),
										  envelope->name, m->line);
}

void
qlm_json_run(QlmParser *p, const char *data, Size len, const char *charset)
{
	const QlmJson *root = read_root(p, data, len, charset);
	Walk		walk;

	if (root == NULL)
		return;
	walk.parser = p;
	walk.depth = 0;
	p->json_line = root->line;
	if (root->kind == QLM_JSON_OBJECT)
		for (const QlmJson *m = root->as.first; m != NULL; m = m->next)
			if (qlm_envelope_root(m->name) != NULL)
			{
				emit_element(&walk, m->name, ENVELOPE, m);
				refuse_beside(p, root, m);
				return;
			}
	if (qlm_json_find(root, "Objects") != NULL)
		qlm_parser_fail(p, 400, "The JSON holds Objects without an omiEnvelope"
						" around them: send them in the msg of a write");
	else
		qlm_parser_fail(p, 400, "The JSON is no object with a member"
						" omiEnvelope");
}

QlmOdf *
qlm_odf_json_parse(const char *data, Size len, QlmVerb verb, int *error_code,
				   const char **error)
{
	QlmParser	parser;
	QlmParserLevel *level = &parser.levels[0];
	QlmRequest	request = {.verb = verb};
	const QlmJson *root;
	Walk		walk;

	memset(&parser, 0, sizeof(parser));
	parser.level = level;
	level->request = &request;
	root = read_root(&parser, data, len, "UTF-8");
	if (root != NULL)
	{
		walk.parser = &parser;
		walk.depth = 0;
		qlm_parser_push(&parser, QLM_FRAME_MSG, true);
		if (qlm_json_find(root, "Objects") != NULL)
			emit_children(&walk, MSG, root);
		else
		{
			parser.json_line = root->line;
			qlm_parser_fail(&parser, 400,
							"The JSON is no object with a member Objects");
		}
	}
	*error_code = parser.json_code != 0 ? parser.json_code :
		request.error_code;
	*error = parser.json_code != 0 ? parser.json_error : request.error;
	if (*error_code == 0 && request.odf == NULL)
		request.odf = qlm_odf_create();
	return *error_code == 0 ? request.odf : NULL;
}
