/*
 * json_events.c
 *		Turns the members of a JSON envelope into the elements, attributes and
 *		text of the equivalent XML, for the only parser of envelopes.
 *
 * Members that are not elements are attributes, as they have the same names.
 * A value may be an object or an array, for which XML has no elements: it
 * becomes its JSON text.
 */
#include "postgres.h"

#include "base/excerpt.h"
#include "base/limits.h"
#include "base/similar_name.h"
#include "json/json.h"
#include "json/json_read.h"
#include "json/json_source.h"
#include "message/json/json_events.h"
#include "message/json/json_members.h"
#include "message/json/odf_json.h"
#include "message/parse/envelope_parse.h"
#include "message/parse/parser_text.h"
#include "message/parse/refuse.h"
#include "message/parse/verb_parse.h"

/*
 * Refuses an element that is not an object.  Converters from XML write an
 * empty element as an empty string.
 */
static void
refuse_shape(QlmJsonWalk *walk, const char *name, QlmJsonShape shape, const QlmJson *json)
{
	bool		is_empty = json->kind == QLM_JSON_NULL ||
		(json->kind == QLM_JSON_STRING && json->len == 0);

	if (json->kind != QLM_JSON_OBJECT && !is_empty &&
		!(shape == META_DATA && json->kind == QLM_JSON_ARRAY))
		qlm_parser_refuse(walk->parser, json->line,
						  "\"%s\" is not an object", name);
}

static bool
is_delete(const QlmJsonWalk *walk)
{
	const QlmRequest *request = walk->parser->level->request;

	return request != NULL && request->verb == QLM_DELETE;
}

/*
 * Refuses null in place of a part: a delete would remove everything around it.
 * Members that do not narrow a delete may be null.
 */
static void
refuse_nothing(QlmJsonWalk *walk, const QlmJson *member)
{
	static const char *const harmless[] = {
		"msgformat", "callback", "targetType", "requestID", "requestId",
		"version", "ttl", "type", NULL
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
	if (!is_empty)
		return;
	walk->parser->json_at = member;
	qlm_parser_refuse(walk->parser, member->line,
					  "\"%s\" is null or empty, and in a delete it is not clear what that means: leave it out",
					  qlm_parser_excerpt(walk->parser, member->name, strlen(member->name)));
}

/* An element is refused at its end; an empty array is no element. */
static void
refuse_no_nodes(QlmJsonWalk *walk, const QlmJson *member)
{
	if (strcmp(member->name, "nodeList") != 0 ||
		member->kind != QLM_JSON_ARRAY || member->as.first != NULL)
		return;
	walk->parser->json_at = member;
	qlm_verb_refuse_no_nodes(walk->parser, member->line);
}

/*
 * null is not a value.  In a delete it names something, so it must not be
 * ignored.
 */
static bool
is_nothing(const QlmJsonWalk *walk, const QlmJson *value)
{
	return value->kind == QLM_JSON_NULL &&
		walk->parser->level->request->verb != QLM_DELETE;
}

/*
 * A missing value is not a value either, but an empty text is one.  Reads may
 * contain stubs.
 */
static void
check_value(QlmJsonWalk *walk, const QlmJson *json, const QlmJson *text)
{
	QlmParser  *p = walk->parser;
	QlmFrame   *frame = &p->frames[p->nframes - 1];
	QlmVerb		verb = p->level->request->verb;

	if (text != NULL)
		frame->is_nothing = frame->kind == QLM_FRAME_VALUE && p->skip == 0 &&
			is_nothing(walk, text);
	else if (verb != QLM_DELETE && qlm_json_find(json, "Objects") == NULL &&
			 (verb != QLM_READ || json->as.first != NULL))
		qlm_parser_refuse(p, json->line,
						  "A value has no member \"value\": a value that is an object or array itself stands in it, as in {\"value\":{...}}");
}

/* Objects in a value are O-DF elements, unless the type is json. */
static bool
is_nested(const QlmJsonWalk *walk, const QlmJson *text)
{
	for (int i = 0; i < walk->nattributes; i++)
		if (strcmp(walk->attributes[i].name, "type") == 0)
			return qlm_json_find(text, "Objects") != NULL &&
				!qlm_odf_json_is_type(walk->attributes[i].value,
									  walk->attributes[i].len);
	return qlm_json_find(text, "Objects") != NULL;
}

/* A value that is returned as text must not have the type of a number. */
static void
check_type(QlmJsonWalk *walk, const QlmXmlElement *element, const QlmJson *text)
{
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		walk->parser->json_at = text;
		if (strcmp(a->name, "type") == 0 && !qlm_odf_json_is_type(a->value, a->len))
			qlm_parser_refuse(walk->parser, text->line,
							  "The value is %s, but its type is \"%s\": leave the type out, or name one that ends in json",
							  text->kind == QLM_JSON_OBJECT ? "an object" : "an array",
							  qlm_parser_excerpt(walk->parser, a->value, a->len));
	}
}

static void emit_children(QlmJsonWalk *walk, QlmJsonShape shape, const QlmJson *json);

/*
 * Emits the text of an element.  That of a value or payload may be JSON, which
 * is not parsed here.
 */
static void
emit_text(QlmJsonWalk *walk, QlmJsonShape shape, const QlmJson *text)
{
	const char *spelling;
	int			len;

	if (text->kind == QLM_JSON_NULL)
		return;
	if (qlm_json_is_scalar(text))
	{
		if (text->len > 0)
			qlm_envelope_handler.text(walk->parser, text->as.text, text->len);
		return;
	}
	if (shape != MSG && shape != VALUE)
	{
		walk->parser->json_at = text;
		qlm_parser_refuse(walk->parser, text->line,
						  "An object or array stands where a text is expected");
		return;
	}
	spelling = qlm_json_spelling(walk->parser->json, text, &len);
	qlm_envelope_handler.text(walk->parser, spelling, len);
}

/*
 * Is a value itself the text of its element?  A payload that is not O-DF
 * always is.
 */
static bool
is_own_text(QlmJsonShape shape, const QlmJson *json)
{
	if (shape == MSG)
		return qlm_json_is_scalar(json) ||
			(json->as.first != NULL && qlm_json_find(json, "Objects") == NULL);
	return qlm_json_shape(shape)->has_text && json->kind != QLM_JSON_OBJECT;
}

/* Emits what is inside an element. */
static void
emit_content(QlmJsonWalk *walk, const char *name, QlmJsonShape shape,
			 const QlmJson *json, const QlmJson *text, bool nested)
{
	if (text != json)
		refuse_shape(walk, name, shape, json);
	if (shape == VALUE)
		check_value(walk, json, text);
	if (text != NULL && nested)
		emit_children(walk, shape, text);
	else if (text != NULL)
		emit_text(walk, shape, text);
	if (text != json)
		emit_children(walk, shape, json);
}

/* text is the whole object if that is the text, else NULL. */
static void
emit_element(QlmJsonWalk *walk, const char *name, QlmJsonShape shape,
			 const QlmJson *json, const QlmJson *text)
{
	QlmParser  *p = walk->parser;
	const char *uri = NULL;
	QlmXmlElement element = {name};
	bool		nested = false;

	if (p->failed)
		return;
	p->json_at = json;
	if (walk->depth >= qlm_max_depth)
	{
		qlm_parser_fail(p, 413, "Elements are nested more than %d deep",
						qlm_max_depth);
		return;
	}
	walk->nattributes = 0;
	if (text == NULL && is_own_text(shape, json))
		text = json;
	else if (text == NULL && json->kind == QLM_JSON_OBJECT)
		qlm_json_members_collect(walk, shape, json, &uri, &text);
	if (shape == VALUE && text != NULL)
	{
		if (p->capturing && is_nothing(walk, text))
			return;
		nested = text->kind == QLM_JSON_OBJECT && text != json &&
			is_nested(walk, text);
		if (!nested)
			qlm_json_members_infer_type(walk, text);
	}
	element.uri = uri;
	element.nattributes = walk->nattributes;
	element.attributes = walk->attributes;
	if (p->failed)
		return;
	walk->depth++;
	qlm_envelope_handler.start(p, &element);
	if (shape == VALUE && text != NULL && !nested && !qlm_json_is_scalar(text))
		check_type(walk, &element, text);
	emit_content(walk, name, shape, json, text, nested);
	if (element.nattributes > (shape == ITEM))	/* the name */
		qlm_json_members_check(walk, shape, json);
	p->json_at = json;
	qlm_envelope_handler.end(p);
	walk->depth--;
}

/*
 * Is an object in "value" a record with value, type and time, or the value
 * itself?  If it could be either it is a record, and is refused if it has no
 * value.
 */
static bool
is_record(const QlmJson *json)
{
	static const char *const known[] = {"value", "dateTime", "unixTime", NULL};

	if (json->kind != QLM_JSON_OBJECT)
		return false;
	for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
	{
		for (int i = 0; known[i] != NULL; i++)
			if (strcmp(m->name, known[i]) == 0)
				return true;
		if (strcmp(m->name, "Objects") == 0 || strcmp(m->name, "attributes") == 0 ||
			qlm_similar_name(m->name, known) != NULL ||
			(strcmp(m->name, "type") == 0 && m->kind == QLM_JSON_STRING &&
			 m->len > 3 && memcmp(m->as.text, "xs:", 3) == 0))
			return true;
	}
	return false;
}

static void
refuse_array(QlmJsonWalk *walk, const QlmJson *json)
{
	walk->parser->json_at = json;
	qlm_parser_refuse(walk->parser, json->line,
					  "An array stands where a value does: several values are in \"values\", and an array that is one value is in its \"value\", as in {\"values\":[{\"value\":[...]}]}");
}

/* It is not an element, but its sender may want to know. */
static void
note_nothing(QlmParser *p)
{
	QlmFrame   *frame = &p->frames[p->nframes - 1];

	if (p->skip > 0 || p->capturing || frame->kind != QLM_FRAME_ITEM)
		return;
	frame->nvalues++;
	frame->as.item->nempty++;
}

/* Emits an entry of "values", or a single "value". */
static void
emit_value(QlmJsonWalk *walk, const QlmJson *json, bool alone)
{
	if (json->kind == QLM_JSON_ARRAY)
		refuse_array(walk, json);
	else if (alone && json->kind == QLM_JSON_OBJECT && !is_record(json))
		emit_element(walk, "value", VALUE, json, json);
	else if (json->kind == QLM_JSON_OBJECT || !is_nothing(walk, json))
		emit_element(walk, "value", VALUE, json, NULL);
	else
		note_nothing(walk->parser);
}

/* Converters from XML write several "value" elements as an array of objects. */
static void
emit_values(QlmJsonWalk *walk, const QlmJson *json)
{
	bool		alone = strcmp(json->name, "value") == 0;

	if (json->kind != QLM_JSON_ARRAY)
	{
		emit_value(walk, json, alone);
		return;
	}
	for (const QlmJson *e = json->as.first; e != NULL; e = e->next)
		if (alone && !is_record(e))
		{
			refuse_array(walk, json);
			return;
		}
	for (const QlmJson *e = json->as.first; e != NULL; e = e->next)
		emit_value(walk, e, false);
}

static void
emit_child(QlmJsonWalk *walk, const QlmJsonChild *child, const QlmJson *json)
{
	const char *element = child->element ? child->element : child->member;

	if (json->kind != QLM_JSON_NULL || child->may_be_null)
		emit_element(walk, element, child->shape, json, NULL);
}

/* Emits InfoItems of MetaData without "InfoItem" around them. */
static void
emit_direct_items(QlmJsonWalk *walk, const QlmJson *json)
{
	if (json->kind == QLM_JSON_OBJECT && qlm_json_find(json, "name") != NULL)
		emit_element(walk, "InfoItem", ITEM, json, NULL);
	else if (json->kind == QLM_JSON_OBJECT)
	{
		for (const QlmJson *m = json->as.first; m != NULL; m = m->next)
			qlm_json_members_refuse(walk, META_DATA, m);
	}
	else if (json->kind == QLM_JSON_ARRAY)
	{
		for (const QlmJson *item = json->as.first; item; item = item->next)
		{
			if (qlm_json_find(item, "InfoItem") != NULL)
				emit_children(walk, META_DATA, item);
			else
				emit_element(walk, "InfoItem", ITEM, item, NULL);
		}
	}
}

static void
emit_children(QlmJsonWalk *walk, QlmJsonShape shape, const QlmJson *json)
{
	if (shape == META_DATA && qlm_json_find(json, "InfoItem") == NULL)
	{
		emit_direct_items(walk, json);
		return;
	}
	if (json->kind != QLM_JSON_OBJECT)
		return;
	for (const QlmJson *m = json->as.first; m && !walk->parser->failed; m = m->next)
	{
		const QlmJsonChild *child = qlm_json_shape_child(shape, m);

		if (shape == VERB)
			refuse_no_nodes(walk, m);
		if (shape != ENVELOPE)
			refuse_nothing(walk, m);
		if (qlm_json_shape_is_text(shape, m))
			continue;
		if (child == NULL)
		{
			qlm_json_members_refuse(walk, shape, m);
			continue;
		}
		if (child->shape == VALUE)
			emit_values(walk, m);
		else if (m->kind != QLM_JSON_ARRAY || child->shape == META_DATA ||
			child->shape == MSG)
			emit_child(walk, child, m);
		else
			for (const QlmJson *e = m->as.first; e != NULL; e = e->next)
				emit_child(walk, child, e);
	}
}

/* Parses the text.  Returns NULL if that failed. */
static const QlmJson *
read_root(QlmParser *p, QlmJsonSource *source)
{
	QlmJsonError error;
	const QlmJson *root = qlm_json_read(source, &error);

	p->json = source;
	p->json_at = root;
	if (root != NULL)
		return root;
	p->failed = true;
	p->json_code = error.code;
	p->json_error = error.message;
	return NULL;
}

/* Is it a member about the document, as some add beside its content? */
static bool
is_about_document(const char *name)
{
	static const char *const known[] = {
		"$schema", "$id", "$comment", "@context", "@id", "@type", NULL
	};

	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

/*
 * Members beside the envelope are not part of it.  In a delete unknown ones
 * are refused, too.
 */
static void
refuse_beside(QlmParser *p, const QlmJson *root, const QlmJson *envelope)
{
	for (const QlmJson *m = root->as.first; m != NULL; m = m->next)
		if (m != envelope && p->levels[0].own_attribute == NULL &&
			!is_about_document(m->name))
			p->levels[0].own_attribute = qlm_parser_excerpt(p, m->name, strlen(m->name));
	for (const QlmJson *m = root->as.first; m != NULL; m = m->next)
		if (m != envelope && m->name[0] != '$' && m->name[0] != '@' &&
			p->levels[0].error == NULL)
			p->levels[0].error = psprintf("\"%s\" stands beside the %s, not in it (line %d)",
										  qlm_parser_excerpt(p, m->name, strlen(m->name)),
										  envelope->name, m->line);
}

static const char *
instead_of_envelope(const QlmJson *root)
{
	if (root->kind == QLM_JSON_ARRAY)
		return ", but an array";
	if (root->kind != QLM_JSON_OBJECT || root->as.first == NULL)
		return "";
	return psprintf(", its first one is \"%s\"", qlm_excerpt(root->as.first->name, -1));
}

void
qlm_json_run(QlmParser *p, const char *data, Size len, const char *charset)
{
	QlmJsonSource source = {data, len, charset};
	const QlmJson *root = read_root(p, &source);
	QlmJsonWalk walk;

	if (root == NULL)
		return;
	walk.parser = p;
	walk.depth = 0;
	if (root->kind == QLM_JSON_OBJECT)
		for (const QlmJson *m = root->as.first; m != NULL; m = m->next)
			if (qlm_envelope_root(m->name) != NULL)
			{
				emit_element(&walk, m->name, ENVELOPE, m, NULL);
				refuse_beside(p, root, m);
				return;
			}
	if (qlm_json_find(root, "Objects") != NULL)
		qlm_parser_fail(p, 400, "The JSON holds Objects without an omiEnvelope"
						" around them: send them in the msg of a write");
	else
		qlm_parser_fail(p, 400, "The JSON is not an object with a member omiEnvelope%s",
						instead_of_envelope(root));
}

QlmOdf *
qlm_odf_json_parse(const char *data, Size len, QlmVerb verb, int *error_code,
				   const char **error)
{
	QlmParser	parser;
	QlmParserLevel *level = &parser.levels[0];
	QlmRequest	request = {0};
	QlmJsonSource source = {data, len, "UTF-8"};
	const QlmJson *root;
	QlmJsonWalk walk;

	memset(&parser, 0, sizeof(parser));
	parser.level = level;
	level->request = &request;
	request.verb = verb;
	root = read_root(&parser, &source);
	if (root != NULL)
	{
		walk.parser = &parser;
		walk.depth = 0;
		qlm_parser_push(&parser, QLM_FRAME_MSG, true);
		if (qlm_json_find(root, "Objects") != NULL)
			emit_children(&walk, MSG, root);
		else
		{
			qlm_parser_fail(&parser, 400,
							"The JSON is not an object with a member Objects");
		}
	}
	*error_code = parser.json_code != 0 ? parser.json_code :
		request.error_code;
	*error = parser.json_code != 0 ? parser.json_error : request.error;
	if (*error_code == 0 && request.odf == NULL)
		request.odf = qlm_odf_create();
	return *error_code == 0 ? request.odf : NULL;
}
