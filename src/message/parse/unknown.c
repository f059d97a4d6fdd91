/*
 * unknown.c
 *		Parts of a message that this node does not understand: ignored if they
 *		belong to another vocabulary, otherwise refused, since 200 means that
 *		everything was done.
 *
 * An element or attribute is of another vocabulary if it has a namespace, or an
 * undeclared prefix, that is neither the message's nor that of any dialect.
 * Attributes without prefix are the sender's own on O-DF elements, but not
 * where they are slips of those that O-DF knows.
 *
 * In a delete these are refused, too, and so are elements of other
 * vocabularies: an ignored part that was meant to narrow the delete would make
 * it remove too much.
 */
#include "postgres.h"

#include "base/similar_name.h"
#include "message/parse/parser.h"
#include "message/parse/parser_text.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "message/parse/unknown.h"
#include "xml/writer.h"

/*
 * The name of each element, its attributes and children, and those of its
 * contents that other implementations put elsewhere
 */
static const struct
{
	const char *name;
	const char *known[10];
	const char *parts;
}			frames[] = {
	[QLM_FRAME_ENVELOPE] = {"envelope",
	{"read", "write", "call", "delete", "cancel", "response"},
	"read, write, call, delete, cancel and response"},
	[QLM_FRAME_VERB] = {"verb",
	{"nodeList", "requestID", "msg", "Objects", "msgformat", "callback",
	"targetType", "version", "ttl"}},
	[QLM_FRAME_RESPONSE] = {"response", {"result"}, "results"},
	[QLM_FRAME_RESULT] = {"result",
	{"return", "requestID", "msg", "Objects", "nodeList", "omiEnvelope",
	"qlmEnvelope", "msgformat", "targetType"}},
	[QLM_FRAME_RETURN] = {"return", {"returnCode", "description"}},
	[QLM_FRAME_REQUEST_ID] = {"requestID", {"format"}},
	[QLM_FRAME_NODE_LIST] = {"nodeList", {"node", "type"}, "nodes"},
	[QLM_FRAME_NODE] = {"node", {NULL}},
	[QLM_FRAME_MSG] = {"msg", {"Objects"}},
	[QLM_FRAME_OBJECTS] = {"Objects", {"Object", "version", "prefix"}, "Objects, each of them an Object"},
	[QLM_FRAME_OBJECT] = {"Object",
	{"id", "type", "description", "InfoItem", "Object"},
	"id, description, InfoItem and Object"},
	[QLM_FRAME_ID] = {"id",
	{"idType", "tagType", "startDate", "endDate"}},
	[QLM_FRAME_DESCRIPTION] = {"description", {"lang"}},
	[QLM_FRAME_ITEM] = {"InfoItem",
	{"name", "type", "altname", "description", "MetaData", "value", "values",
	"dateTime", "unixTime"},
	"altname, description, MetaData and value"},
	[QLM_FRAME_ALT_NAME] = {"other name",
	{"idType", "tagType", "startDate", "endDate"}},
	[QLM_FRAME_META_DATA] = {"MetaData", {"InfoItem"}, "InfoItems"},
	[QLM_FRAME_VALUE] = {"value", {"type", "dateTime", "unixTime", "value"}},
};

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Returns the name with its article, except for Objects, which is plural. */
static const char *
frame_name(const QlmParser *p, QlmFrameKind kind)
{
	const char *name = frames[kind].name;

	if (kind == QLM_FRAME_VERB)
		name = qlm_verb_name(p->level->request->verb);
	else if (kind == QLM_FRAME_ENVELOPE)
		name = p->level->hints.root;
	if (kind == QLM_FRAME_OBJECTS)
		return name;
	return psprintf("%s %s", strchr("oOIiAa", name[0]) ? "an" : "a", name);
}

/* Attributes that choose values, and belong to the verb */
static const char *const of_window[] = {
	"interval", "newest", "oldest", "begin", "end", "all", "maxlevels", NULL
};

/* Returns ": did you mean write?", or "". */
static const char *
hint(const char *name, const char *const *known)
{
	const char *meant = qlm_similar_name_hint(name, known);

	return meant == NULL ? "" : psprintf(": did you mean %s?", meant);
}

/* The same for an element and its contents */
static const char *
frame_hint(QlmFrameKind kind, const char *name)
{
	const char *meant = hint(name, frames[kind].known);

	if (meant[0] != '\0' || frames[kind].parts == NULL)
		return meant;
	if (kind == QLM_FRAME_ENVELOPE)
		return psprintf(": there are %s", frames[kind].parts);
	if (kind == QLM_FRAME_ITEM && strcmp(name, "values") == 0)
		return ": did you mean value?";
	return psprintf(", which holds %s", frames[kind].parts);
}

/* Only the first error is reported, since hostile envelopes have millions. */
static bool
is_refused(const QlmParser *p, QlmFrameKind kind)
{
	const QlmRequest *request = p->level->request;

	if (kind == QLM_FRAME_ENVELOPE)
		return p->level->error != NULL;
	return request == NULL || request->error_code != 0;
}

/* Refuses the verb that contains the current frame, or the whole envelope. */
static void
refuse(QlmParser *p, QlmFrameKind kind, int line, const char *error)
{
	if (kind != QLM_FRAME_ENVELOPE)
		qlm_parser_refuse(p, line, "%s", error);
	else if (p->level->error == NULL)
		p->level->error = psprintf("%s (%s)", error, qlm_parser_position(p, line));
}

/* Prefixes that are used for the namespaces of the protocol, declared or not */
static bool
is_usual_prefix(const char *prefix)
{
	return strcmp(prefix, "omi") == 0 || strcmp(prefix, "odf") == 0 ||
		strcmp(prefix, "qlm") == 0;
}

static bool
is_of_verb(const QlmParser *p, QlmVerb verb)
{
	return p->level->request != NULL && p->level->request->verb == verb;
}

static bool
is_foreign(const QlmParser *p, const char *prefix, const char *uri)
{
	const char *own = p->level->hints.mi_namespace;

	if (uri == NULL || uri[0] == '\0')
		return prefix != NULL && !is_usual_prefix(prefix) &&
			(p->root_prefix == NULL || strcmp(prefix, p->root_prefix) != 0);
	if (own != NULL && strcmp(uri, own) == 0)
		return false;
	if (p->odf_uri != NULL && strcmp(uri, p->odf_uri) == 0)
		return false;
	return !qlm_dialect_namespace_is_known(uri);
}

/*
 * An element without meaning at its place is skipped.  In place of a verb, or
 * inside a text, it is refused.
 */
void
qlm_unknown_element(QlmParser *p, const QlmFrame *frame,
				   const QlmXmlElement *element)
{
	QlmFrameKind kind = frame->kind;
	const char *name = element->name;
	const char *quoted;
	const char *error;

	p->skip = 1;
	if (kind == QLM_FRAME_RETURN || is_refused(p, kind))
		return;
	quoted = qlm_parser_excerpt(p, name, strlen(name));
	if (kind == QLM_FRAME_ENVELOPE)
		error = psprintf("%s is no verb%s", quoted, frame_hint(kind, name));
	else if (frame->text && kind != QLM_FRAME_MSG)
		error = psprintf("An element %s stands in the text of %s: escape it",
						 quoted, frame_name(p, kind));
	else if (!is_of_verb(p, QLM_DELETE) &&
			 is_foreign(p, element->prefix, element->uri))
		return;
	else
		error = psprintf("%s is not a part of %s%s", quoted,
						 frame_name(p, kind), frame_hint(kind, name));
	refuse(p, kind, qlm_parser_line(p), error);
}

static bool
is_or_resembles(const char *name, const char *const *known)
{
	return is_one_of(name, known) || qlm_similar_name(name, known) != NULL;
}

static const char *
member_hint(QlmFrameKind kind, const char *name)
{
	const char *colon = strchr(name, ':');

	if (colon != NULL && is_one_of(colon + 1, frames[kind].known))
		return psprintf(": did you mean %s?", colon + 1);
	return frame_hint(kind, name);
}

/*
 * The same for a member of JSON, where a prefix does not make a known name one
 * of another vocabulary.
 */
void
qlm_unknown_member(QlmParser *p, const char *name, int line)
{
	QlmFrameKind kind = p->frames[p->nframes - 1].kind;
	const char *quoted = qlm_parser_excerpt(p, name, strlen(name));
	const char *colon = strchr(name, ':');
	bool		is_other = colon != NULL &&
		!is_usual_prefix(pnstrdup(name, colon - name)) &&
		!is_or_resembles(colon + 1, frames[kind].known);

	if (is_other && kind == QLM_FRAME_ENVELOPE && p->level->own_attribute == NULL)
		p->level->own_attribute = quoted;
	if (is_refused(p, kind) ||
		(is_other && (kind == QLM_FRAME_ENVELOPE || !is_of_verb(p, QLM_DELETE))))
		return;
	if (is_one_of(name, frames[kind].known))
		refuse(p, kind, line,
			   psprintf("\"%s\" of %s is an object or array, where a text or number belongs",
						quoted, frame_name(p, kind)));
	else
		refuse(p, kind, line,
			   psprintf("\"%s\" is not a %s %s%s", quoted,
						kind == QLM_FRAME_ENVELOPE ? "verb of" : "member of",
						frame_name(p, kind), member_hint(kind, name)));
}

/* Text in a place where only elements have a meaning */
void
qlm_unknown_text(QlmParser *p, const QlmFrame *frame, const char *text, int len)
{
	const char *quoted;
	const char *error;

	if (qlm_parser_is_blank(text, len) || is_refused(p, frame->kind))
		return;
	quoted = qlm_parser_excerpt(p, text, len);
	if (frame->kind == QLM_FRAME_ITEM)
		error = psprintf("An InfoItem holds the text \"%s\": it belongs in a value",
						 quoted);
	else
		error = psprintf("The text \"%s\" is not allowed in %s",
						 quoted, frame_name(p, frame->kind));
	refuse(p, frame->kind, qlm_parser_line(p), error);
}

/* Returns where an attribute of this name belongs, or NULL. */
static const char *
belongs_elsewhere(QlmFrameKind kind, const char *name)
{
	static const char *const in_value[] = {
		"value", "values", "dateTime", "unixTime", NULL
	};

	if (kind == QLM_FRAME_ITEM && is_one_of(name, in_value))
		return "it belongs in a value";
	if (kind == QLM_FRAME_VALUE && strcmp(name, "value") == 0)
		return "it is the text between the tags";
	if (kind == QLM_FRAME_OBJECT && strcmp(name, "id") == 0)
		return "it is an element, <id>...</id>";
	return NULL;
}

/* Is it an attribute that chooses values, or a misspelt one? */
static bool
is_of_window(const char *name)
{
	return is_or_resembles(name, of_window);
}

/* Is it one of these, or the name that others use for it? */
bool
qlm_unknown_narrows(const char *name)
{
	return is_of_window(name) || qlm_similar_name_hint(name, of_window) != NULL;
}

/*
 * Prefixed elements and attributes are of other vocabularies, unless the
 * prefix is declared as one of the protocol, or used by the element itself.
 */
bool
qlm_unknown_is_foreign(const QlmParser *p, const QlmXmlElement *element,
					  const QlmXmlAttribute *attribute)
{
	if (attribute->prefix == NULL)
		return false;
	if (attribute->uri != NULL)
		return is_foreign(p, attribute->prefix, attribute->uri);
	return !is_usual_prefix(attribute->prefix) &&
		(element->prefix == NULL ||
		 strcmp(attribute->prefix, element->prefix) != 0);
}

/*
 * May it be ignored as one of another vocabulary?  Not if it may be meant to
 * narrow a delete, whatever its prefix.
 */
static bool
is_passed_over(const QlmParser *p, const QlmXmlElement *element,
			   const QlmXmlAttribute *attribute)
{
	return qlm_unknown_is_foreign(p, element, attribute) &&
		!(is_of_verb(p, QLM_DELETE) && qlm_unknown_narrows(attribute->name));
}

/* Was it checked before?  Elements of one kind repeat their attributes. */
static bool
is_known_own(const QlmParser *p, QlmFrameKind kind, const char *name)
{
	for (int i = 0; i < QLM_OWN_ATTRIBUTES && p->own[i].name != NULL; i++)
		if (p->own[i].kind == kind && strcmp(p->own[i].name, name) == 0)
			return true;
	return false;
}

static void
remember_own(QlmParser *p, QlmFrameKind kind, const char *name)
{
	QlmOwnAttribute *own = &p->own[p->next_own];

	if (own->name != NULL)
		pfree(own->name);
	own->kind = kind;
	own->name = pstrdup(name);
	p->next_own = (p->next_own + 1) % QLM_OWN_ATTRIBUTES;
}

/* Refuses an attribute that would be ignored in an element of this verb. */
static void
refuse_overlooked(QlmParser *p, QlmFrameKind kind, const char *name)
{
	static const char *const of_delete[] = {"begin", "end", NULL};
	const char *verb = qlm_verb_name(p->level->request->verb);
	bool		is_delete = is_of_verb(p, QLM_DELETE);
	static const char *const of_others[] = {NULL};
	const char *const *known = is_delete ? of_delete :
		is_of_verb(p, QLM_READ) ? of_window : of_others;
	const char *meant = qlm_similar_name_hint(name, known);

	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0)
			meant = known[i];
	qlm_parser_refuse(p, qlm_parser_line(p), "%s is not accepted by %s of a %s%s",
					  qlm_parser_excerpt(p, name, strlen(name)), frame_name(p, kind), verb,
					  meant ? psprintf(": %s is an attribute of the %s itself", meant, verb) :
					  hint(name, frames[kind].known));
}

/*
 * Would ignoring it be wrong?  In a read that is so for attributes that choose
 * values.
 */
static bool
is_overlooked(const QlmParser *p, const char *name)
{
	return is_of_verb(p, QLM_DELETE) ||
		(is_of_verb(p, QLM_READ) && is_of_window(name));
}

/*
 * An attribute that O-DF does not define: is it the sender's own, or a typing
 * error?  One of another vocabulary is returned without its prefix, so it must
 * not look like a typing error then.
 */
bool
qlm_unknown_attribute(QlmParser *p, const QlmFrame *frame,
					 const QlmXmlElement *element,
					 const QlmXmlAttribute *attribute)
{
	QlmFrameKind kind = frame->kind;
	const char *name = attribute->name;
	const char *misplaced;
	const char *meant;

	if (is_known_own(p, kind, name))
		return true;
	if (is_overlooked(p, name))
	{
		if (!is_passed_over(p, element, attribute) && !is_refused(p, kind))
			refuse_overlooked(p, kind, name);
		return false;
	}
	misplaced = belongs_elsewhere(kind, name);
	meant = misplaced ? NULL : qlm_similar_name(name, frames[kind].known);
	if (!misplaced && meant == NULL && !qlm_xml_is_name(name))
		misplaced = "this cannot be a name";
	if (!misplaced && meant == NULL)
	{
		remember_own(p, kind, name);
		return true;
	}
	if (is_refused(p, kind) ||
		(p->reader != NULL && qlm_unknown_is_foreign(p, element, attribute)))
		return false;
	refuse(p, kind, qlm_parser_line(p), misplaced ?
		   psprintf("%s is not an attribute of %s: %s", name, frame_name(p, kind), misplaced) :
		   psprintf("%s is not an attribute of %s: did you mean %s?", name,
					frame_name(p, kind), meant));
	return false;
}

static bool
is_known_plain(QlmFrameKind kind, const char *name)
{
	return (kind == QLM_FRAME_REQUEST_ID && strcmp(name, "format") == 0) ||
		(kind == QLM_FRAME_NODE_LIST && strcmp(name, "type") == 0);
}

/*
 * A result may contain more than is known here, and a read may contain what
 * has no effect.  Members of JSON are checked where they are found, except
 * those of texts.
 */
void
qlm_unknown_plain(QlmParser *p, const QlmFrame *frame,
				 const QlmXmlElement *element)
{
	if (is_refused(p, frame->kind) || is_of_verb(p, QLM_RESPONSE) ||
		(p->reader == NULL && !frame->text))
		return;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_passed_over(p, element, a) || is_known_plain(frame->kind, a->name) ||
			(is_of_verb(p, QLM_READ) && !is_of_window(a->name)))
			continue;
		refuse_overlooked(p, frame->kind, a->name);
	}
}

void
qlm_unknown_verb(QlmParser *p)
{
	for (int i = 0; i < QLM_OWN_ATTRIBUTES && p->own[i].name != NULL; i++)
	{
		pfree(p->own[i].name);
		p->own[i].name = NULL;
	}
	p->next_own = 0;
}

void
qlm_unknown_envelope(const QlmParserLevel *level)
{
	ListCell   *lc;

	if (level->own_attribute == NULL)
		return;
	foreach(lc, level->envelope->requests)
	{
		QlmRequest *request = lfirst(lc);

		if (request->verb != QLM_DELETE || request->error_code != 0)
			continue;
		request->error_code = 400;
		request->error = psprintf("%s is not accepted by an envelope with a delete (line %d)",
								  level->own_attribute, level->line);
	}
}

/* Verbs have no attributes of the sender's own. */
void
qlm_unknown_verb_attribute(QlmParser *p, const QlmRequest *request,
						  const QlmXmlElement *element,
						  const QlmXmlAttribute *attribute)
{
	static const char *const of_read[] = {
		"interval", "newest", "oldest", "begin", "end", "all", "maxlevels",
		"qlmDetails", "msgformat", "callback", "targetType", NULL
	};
	static const char *const of_delete[] = {
		"begin", "end", "msgformat", "callback", "targetType", NULL
	};
	const char *name = attribute->name;
	const char *meant;

	if (request->error_code != 0 || is_passed_over(p, element, attribute))
		return;
	meant = hint(name, request->verb == QLM_DELETE ? of_delete : of_read);
	if (request->verb == QLM_DELETE && meant[0] == '\0')
		meant = ": begin and end choose values, and a value with its dateTime in an InfoItem is a single one";
	qlm_parser_refuse(p, qlm_parser_line(p), "%s is not accepted by a %s%s",
					  qlm_parser_excerpt(p, name, strlen(name)),
					  qlm_verb_name(request->verb), meant);
}

/*
 * An envelope may have any attributes, except misspelt ones and those that
 * belong to its verbs.
 */
void
qlm_unknown_envelope_attribute(QlmParser *p, const QlmXmlAttribute *attribute)
{
	static const char *const known[] = {
		"version", "ttl", "authorization", "qlmHops", "qlmRequest",
		"qlmAcknowledge", NULL
	};
	const char *name = attribute->name;
	const char *meant;

	if (attribute->prefix != NULL &&
		is_foreign(p, attribute->prefix, attribute->uri))
	{
		if (p->level->own_attribute == NULL && qlm_unknown_narrows(name))
			p->level->own_attribute = pstrdup(qlm_parser_excerpt(p, name, strlen(name)));
		return;
	}
	meant = qlm_similar_name(name, known);
	if (meant != NULL)
		refuse(p, QLM_FRAME_ENVELOPE, p->level->line,
			   psprintf("%s is not an attribute of an envelope: did you mean %s?",
						name, meant));
	else if (is_of_window(name))
		refuse(p, QLM_FRAME_ENVELOPE, p->level->line,
			   psprintf("%s is not an attribute of an envelope: it belongs to the verb",
						name));
	else if (p->level->own_attribute == NULL && strcmp(name, "token") != 0)
		p->level->own_attribute = pstrdup(qlm_parser_excerpt(p, name, strlen(name)));
}
