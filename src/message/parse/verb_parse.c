/*
 * verb_parse.c
 *		The messaging part of the parser: verbs and results, and what they
 *		contain besides payloads.
 */
#include "postgres.h"

#include "base/limits.h"
#include "message/parse/capture.h"
#include "message/parse/envelope_parse.h"
#include "message/parse/odf_parse.h"
#include "message/parse/parser.h"
#include "message/parse/parser_text.h"
#include "message/parse/refuse.h"
#include "message/parse/selector_parse.h"
#include "message/parse/unknown.h"
#include "message/parse/verb_parse.h"

static bool
is_request_id(const char *name)
{
	return strcmp(name, "requestID") == 0 || strcmp(name, "requestId") == 0;
}

static void
note_msgformat(QlmParser *p, const char *msgformat)
{
	if (msgformat != NULL && p->level->hints.msgformat == NULL &&
		qlm_dialect_format_is_odf(msgformat))
		p->level->hints.msgformat = msgformat;
}

static bool
find_verb(const char *name, QlmVerb *verb)
{
	for (*verb = QLM_READ; *verb <= QLM_RESPONSE; (*verb)++)
		if (strcmp(qlm_verb_name(*verb), name) == 0)
			return true;
	return false;
}

static void
start_verb(QlmParser *p, const QlmXmlElement *element)
{
	QlmParserLevel *level = p->level;
	QlmVerb		verb;

	if (!find_verb(element->name, &verb))
	{
		qlm_unknown_element(p, &p->frames[p->nframes - 1], element);
		return;
	}
	if (++level->nrequests > QLM_MAX_VERBS)
	{
		qlm_parser_fail(p, 413, "The envelope has more than %d verbs",
						QLM_MAX_VERBS);
		return;
	}
	level->request = qlm_envelope_add_request(level->envelope, verb);
	qlm_unknown_verb(p);
	level->result = NULL;
	level->nrequest_ids = 0;
	level->nnodes = 0;
	level->selects = false;
	level->empty_id = false;
	qlm_selector_parse_attributes(p, level->request, element);
	note_msgformat(p, level->request->msgformat);
	qlm_parser_push(p, verb == QLM_RESPONSE ? QLM_FRAME_RESPONSE :
					QLM_FRAME_VERB, false);
}

static void
start_result(QlmParser *p, const QlmXmlElement *element)
{
	QlmParserLevel *level = p->level;
	QlmResult  *result;
	QlmFrame   *frame;

	if (++level->nresults > QLM_MAX_RESULTS)
	{
		qlm_parser_fail(p, 413, "The response has more than %d results",
						QLM_MAX_RESULTS);
		return;
	}
	result = qlm_request_add_result(level->request, 0, NULL);
	level->result = result;
	level->nrequest_ids = 0;
	level->nnodes = 0;
	frame = qlm_parser_push(p, QLM_FRAME_RESULT, false);
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];
		char	   *text = qlm_parser_trim(p, a->value, a->len);

		if (strcmp(a->name, "msgformat") == 0 && text[0] != '\0')
			result->msgformat = text;
		else if (strcmp(a->name, "targetType") == 0 &&
				 (strcmp(text, "device") == 0 || strcmp(text, "node") == 0))
			result->target_type = text;
		else
			(void) qlm_unknown_attribute(p, frame, element, a);
	}
	note_msgformat(p, result->msgformat);
}

static void
start_return(QlmParser *p, const QlmXmlElement *element)
{
	QlmResult  *result = p->level->result;

	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (strcmp(a->name, "returnCode") == 0)
		{
			const char *text = qlm_parser_trim(p, a->value, a->len);
			Size		len = strlen(text);

			if (len > 0 && len <= 9 && strspn(text, "0123456789") == len)
				result->code = atoi(text);
		}
		else if (strcmp(a->name, "description") == 0)
			result->description = qlm_parser_strdup(p, a->value, a->len);
	}
	qlm_parser_push(p, QLM_FRAME_RETURN, true);
}

/* The description may be the text of the element instead of an attribute. */
static void
end_return(QlmParser *p)
{
	int			len;
	char	   *text = qlm_parser_take_text(p, &len);

	if (p->level->result->description == NULL &&
		!qlm_parser_is_blank(text, len))
		p->level->result->description = text;
}

/*
 * Data that are not marked as a payload would be dropped, so they are refused.
 */
static void
end_result(QlmParser *p, const QlmFrame *frame)
{
	const QlmResult *result = p->level->result;

	if (result->code == 0 && (result->odf != NULL || result->opaque != NULL))
		qlm_parser_refuse(p, frame->line,
						  "A result has a payload, but no return with a returnCode that is a number");
	p->level->result = NULL;
}

static void
start_request_id(QlmParser *p, const QlmXmlElement *element)
{
	if (p->level->hints.request_id == NULL)
		p->level->hints.request_id =
			strcmp(element->name, "requestID") == 0 ? "requestID" : "requestId";
	qlm_unknown_plain(p, qlm_parser_push(p, QLM_FRAME_REQUEST_ID, true), element);
}

static void
end_request_id(QlmParser *p)
{
	QlmParserLevel *level = p->level;
	int			len;
	char	   *text = qlm_parser_take_trimmed(p, &len);

	if (len == 0)
	{
		level->empty_id = true;
		return;
	}
	if (++level->nrequest_ids > QLM_MAX_REQUEST_IDS)
		qlm_parser_fail(p, 413, "More than %d requestIDs stand together",
						QLM_MAX_REQUEST_IDS);
	else if (level->result != NULL)
		level->result->request_ids = lappend(level->result->request_ids, text);
	else
		level->request->request_ids = lappend(level->request->request_ids,
											  text);
}

static void
end_node(QlmParser *p, const QlmFrame *frame)
{
	QlmParserLevel *level = p->level;
	int			len;
	char	   *text = qlm_parser_take_trimmed(p, &len);

	if (len == 0)
	{
		if (level->result == NULL)
			qlm_parser_refuse(p, frame->line, "A node of the nodeList is empty");
		return;
	}
	if (++level->nnodes > QLM_MAX_NODES)
		qlm_parser_fail(p, 413, "A nodeList has more than %d nodes",
						QLM_MAX_NODES);
	else if (level->result != NULL)
		level->result->nodes = lappend(level->result->nodes, text);
	else
		level->request->nodes = lappend(level->request->nodes, text);
}

/*
 * A request for other nodes is not meant for this one, so an empty list is
 * refused.
 */
void
qlm_verb_refuse_no_nodes(QlmParser *p, int line)
{
	qlm_parser_refuse(p, line,
					  "The nodeList has no node: leave it out if this node is meant");
}

static void
note_wrapping(QlmParser *p, bool msg)
{
	if (p->level->hints.has_wrapping)
		return;
	p->level->hints.has_wrapping = true;
	p->level->hints.msg = msg;
}

static void
start_objects(QlmParser *p, const QlmXmlElement *element)
{
	QlmParserLevel *level = p->level;
	QlmOdf	  **odf = level->result != NULL ? &level->result->odf :
		&level->request->odf;

	if (!level->hints.has_payload)
	{
		level->hints.has_payload = true;
		if (element->uri != NULL && element->uri[0] != '\0')
			level->hints.df_namespace =
				qlm_parser_strdup(p, element->uri, strlen(element->uri));
	}
	if (*odf == NULL)
		*odf = qlm_odf_create();
	qlm_odf_parse_objects(p, element, *odf);
}

/* The first element determines the format of the payload. */
static void
start_in_msg(QlmParser *p, QlmFrame *frame, const QlmXmlElement *element)
{
	bool		is_first = !frame->has_child;
	char	   *text;
	int			len;

	if (strcmp(element->name, "Objects") == 0)
	{
		if (is_first)
		{
			text = qlm_parser_take_text(p, &len);
			qlm_unknown_text(p, frame, text, len);
		}
		frame->has_child = true;
		frame->text = false;
		start_objects(p, element);
	}
	else if (is_first)
	{
		frame->has_child = true;
		qlm_parser_capture(p, element, p->level->hints.mi_namespace, false);
	}
	else
		qlm_unknown_element(p, frame, element);
}

static void
end_msg(QlmParser *p, QlmFrame *frame)
{
	QlmParserLevel *level = p->level;
	bool		is_xml = p->capturing;
	char	   *text;
	int			len;

	if (frame->has_child && !is_xml)
		return;
	text = is_xml ? qlm_parser_captured(p, &len) :
		qlm_parser_take_text(p, &len);
	if (qlm_parser_is_blank(text, len))
		return;
	if (level->result != NULL && level->result->opaque == NULL)
	{
		level->result->opaque = text;
		level->result->opaque_xml = is_xml;
	}
	else if (level->result == NULL && level->request->opaque == NULL)
	{
		level->request->opaque = text;
		level->request->opaque_xml = is_xml;
	}
	else if (level->result == NULL)
		qlm_parser_refuse(p, frame->line, "The %s has more than one payload",
						  qlm_verb_name(level->request->verb));
}

/* Handles what verbs and results have in common. */
static void
start_part(QlmParser *p, const QlmFrame *frame, const QlmXmlElement *element)
{
	const char *name = element->name;

	if (strcmp(name, "msg") == 0)
	{
		note_wrapping(p, true);
		qlm_unknown_plain(p, qlm_parser_push(p, QLM_FRAME_MSG, true), element);
	}
	else if (strcmp(name, "Objects") == 0)
	{
		note_wrapping(p, false);
		start_objects(p, element);
	}
	else if (is_request_id(name))
		start_request_id(p, element);
	else if (strcmp(name, "nodeList") == 0)
		qlm_unknown_plain(p, qlm_parser_push(p, QLM_FRAME_NODE_LIST, false), element);
	else
		qlm_unknown_element(p, frame, element);
}

void
qlm_verb_parse_start(QlmParser *p, QlmFrame *frame,
					 const QlmXmlElement *element)
{
	const char *name = element->name;

	switch (frame->kind)
	{
		case QLM_FRAME_ENVELOPE:
			start_verb(p, element);
			return;
		case QLM_FRAME_VERB:
			start_part(p, frame, element);
			return;
		case QLM_FRAME_RESPONSE:
			if (strcmp(name, "result") == 0)
			{
				start_result(p, element);
				return;
			}
			break;
		case QLM_FRAME_RESULT:
			if (strcmp(name, "return") == 0)
				start_return(p, element);
			else if (qlm_envelope_root(name) != NULL)
				qlm_envelope_parse_nested(p, element);
			else
				start_part(p, frame, element);
			return;
		case QLM_FRAME_NODE_LIST:
			if (strcmp(name, "node") == 0)
			{
				qlm_unknown_plain(p, qlm_parser_push(p, QLM_FRAME_NODE, true), element);
				return;
			}
			break;
		case QLM_FRAME_MSG:
			start_in_msg(p, frame, element);
			return;
		default:
			break;
	}
	qlm_unknown_element(p, frame, element);
}

void
qlm_verb_parse_end(QlmParser *p, QlmFrame *frame)
{
	switch (frame->kind)
	{
		case QLM_FRAME_VERB:
			qlm_selector_parse_finish(p, p->level->request);
			break;
		case QLM_FRAME_RESULT:
			end_result(p, frame);
			break;
		case QLM_FRAME_RETURN:
			end_return(p);
			break;
		case QLM_FRAME_REQUEST_ID:
			end_request_id(p);
			break;
		case QLM_FRAME_NODE:
			end_node(p, frame);
			break;
		case QLM_FRAME_NODE_LIST:
			if (p->level->result == NULL && p->level->request->nodes == NIL)
				qlm_verb_refuse_no_nodes(p, frame->line);
			break;
		case QLM_FRAME_MSG:
			end_msg(p, frame);
			break;
		default:
			break;
	}
}
