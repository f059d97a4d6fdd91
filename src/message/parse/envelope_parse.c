/*
 * envelope_parse.c
 *		The parser of envelopes: a state machine over XML events, into which
 *		JSON is converted.
 *
 * Elements match by local name and in any order, since each generation of the
 * protocol wrote them differently.  Hints of the dialect are collected.
 * Elements of other vocabularies are skipped with their contents; other
 * unknown elements are refused (unknown.c).
 */
#include "postgres.h"

#include <math.h>

#include "base/number.h"
#include "message/parse/capture.h"
#include "message/parse/envelope_parse.h"
#include "message/parse/odf_parse.h"
#include "message/parse/parser.h"
#include "message/parse/parser_text.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "message/parse/unknown.h"
#include "message/parse/verb_parse.h"

const char *
qlm_envelope_root(const char *name)
{
	if (strcmp(name, "omiEnvelope") == 0)
		return "omiEnvelope";
	if (strcmp(name, "qlmEnvelope") == 0)
		return "qlmEnvelope";
	return NULL;
}

static void
start_envelope(QlmParser *p, QlmParserLevel *level,
			   const QlmXmlElement *element)
{
	QlmDialectHints *hints = &level->hints;

	memset(level, 0, sizeof(QlmParserLevel));
	p->level = level;
	level->envelope = qlm_envelope_create(qlm_dialect_default(), 0);
	level->line = qlm_parser_line(p);
	hints->root = qlm_envelope_root(element->name);
	hints->json = p->reader == NULL;
	if (element->uri != NULL && element->uri[0] != '\0')
		hints->mi_namespace = qlm_parser_strdup(p, element->uri,
												strlen(element->uri));
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (strcmp(a->name, "version") == 0)
			hints->version = qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(a->name, "ttl") == 0)
			level->ttl = qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(a->name, "authorization") == 0)
			level->envelope->authorization =
				qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(a->name, "qlmHops") == 0)
			level->envelope->hops = qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(a->name, "qlmRequest") == 0)
			level->envelope->key = qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(a->name, "qlmAcknowledge") == 0)
			level->envelope->acknowledge =
				strcmp(qlm_parser_trim(p, a->value, a->len), "true") == 0;
		else
			qlm_unknown_envelope_attribute(p, a);
	}
	if (hints->version != NULL && hints->version[0] == '\0')
		hints->version = NULL;
	qlm_parser_push(p, QLM_FRAME_ENVELOPE, false);
}

static void
start_root(QlmParser *p, const QlmXmlElement *element)
{
	const char *name = qlm_parser_excerpt(p, element->name,
										strlen(element->name));

	if (qlm_envelope_root(element->name) != NULL)
	{
		if (element->prefix != NULL)
			p->root_prefix = qlm_parser_strdup(p, element->prefix,
											   strlen(element->prefix));
		start_envelope(p, &p->levels[0], element);
	}
	else if (strcmp(element->name, "Objects") == 0)
		qlm_parser_fail(p, 400, "The root element is Objects, not omiEnvelope"
						" or qlmEnvelope: send it in the msg of a write");
	else
		qlm_parser_fail(p, 400, "The root element is %s, not omiEnvelope"
						" or qlmEnvelope", name);
}

static bool
only_responses(const QlmEnvelope *envelope)
{
	ListCell   *lc;

	foreach(lc, envelope->requests)
		if (((QlmRequest *) lfirst(lc))->verb != QLM_RESPONSE)
			return false;
	return envelope->requests != NIL;
}

/*
 * In a response ttl has little meaning, and old nodes write any negative
 * number.
 */
static const char *
read_ttl(QlmParser *p, QlmParserLevel *level)
{
	bool		is_response = only_responses(level->envelope);
	const char *wrong;
	double		ttl;

	if (level->ttl == NULL)
	{
		if (is_response)
			return NULL;
		return psprintf("%s has no ttl (line %d)", level->hints.root,
						level->line);
	}
	if (!qlm_double_parse(level->ttl, strlen(level->ttl), &ttl) || isnan(ttl))
		wrong = "not a number of seconds";
	else if (ttl < 0 && ttl != -1 && !is_response)
		wrong = "negative, but not -1";
	else
	{
		level->envelope->ttl = ttl < 0 || isinf(ttl) ? -1 : ttl;
		return NULL;
	}
	return psprintf("ttl is \"%s\", which is %s (line %d)",
					qlm_parser_excerpt(p, level->ttl, strlen(level->ttl)),
					wrong, level->line);
}

/*
 * Hints missing in an envelope are taken from the one nested in it, and vice
 * versa, if both are of the same generation.
 */
static void
share_hints(QlmDialectHints *to, const QlmDialectHints *from)
{
	bool		same_namespace = to->mi_namespace == from->mi_namespace;

	if (to->mi_namespace != NULL && from->mi_namespace != NULL)
		same_namespace = strcmp(to->mi_namespace, from->mi_namespace) == 0;
	if (to->root != from->root || !same_namespace)
		return;
	if (!to->has_wrapping && from->has_wrapping)
	{
		to->has_wrapping = true;
		to->msg = from->msg;
	}
	if (!to->has_payload && from->has_payload)
	{
		to->has_payload = true;
		to->df_namespace = from->df_namespace;
	}
	if (to->msgformat == NULL)
		to->msgformat = from->msgformat;
	if (to->request_id == NULL)
		to->request_id = from->request_id;
}

const char *
qlm_envelope_parse_end(QlmParser *p)
{
	QlmParserLevel *level = p->level;
	const char *error;

	qlm_dialect_recognize(&level->hints, &level->envelope->dialect);
	if (level->error != NULL)
		return level->error;
	qlm_unknown_envelope(level);
	error = read_ttl(p, level);
	if (error == NULL && level->envelope->requests == NIL)
		error = psprintf("%s holds no verb: read, write, call, delete, cancel or response (line %d)",
						 level->hints.root, level->line);
	return error;
}

void
qlm_envelope_parse_nested(QlmParser *p, const QlmXmlElement *element)
{
	QlmResult  *result = p->level->result;
	int			line = qlm_parser_line(p);

	p->skip = 1;
	if (p->level != &p->levels[0])
		result->nested_error =
			psprintf("Envelopes are nested too deep (line %d)", line);
	else if (result->nested != NULL || result->nested_error != NULL)
	{
		result->nested = NULL;
		result->nested_error =
			psprintf("A result holds more than one envelope (line %d)", line);
	}
	else
	{
		p->skip = 0;
		start_envelope(p, &p->levels[1], element);
	}
}

static void
end_nested(QlmParser *p)
{
	QlmParserLevel *outer = &p->levels[0];
	QlmParserLevel *nested = &p->levels[1];
	const char *error;

	share_hints(&nested->hints, &outer->hints);
	share_hints(&outer->hints, &nested->hints);
	error = qlm_envelope_parse_end(p);
	outer->result->nested_error = error;
	if (error == NULL)
		outer->result->nested = nested->envelope;
	p->level = outer;
}

static void
handle_start(void *state, const QlmXmlElement *element)
{
	QlmParser  *p = state;
	QlmFrame   *frame;

	if (p->failed)
		return;
	if (p->skip > 0)
		p->skip++;
	else if (p->capturing)
		qlm_parser_capture_start(p, element);
	else if (p->nframes == 0)
		start_root(p, element);
	else
	{
		frame = &p->frames[p->nframes - 1];
		if (frame->kind >= QLM_FRAME_OBJECTS)
			qlm_odf_parse_start(p, frame, element);
		else
			qlm_verb_parse_start(p, frame, element);
	}
}

static void
handle_end(void *state)
{
	QlmParser  *p = state;
	QlmFrame   *frame;

	if (p->failed)
		return;
	if (p->skip > 0)
		p->skip--;
	else if (p->capturing && p->nopen > 0)
		qlm_parser_capture_end(p);
	else
	{
		frame = &p->frames[--p->nframes];
		if (frame->kind >= QLM_FRAME_OBJECTS)
			qlm_odf_parse_end(p, frame);
		else if (frame->kind == QLM_FRAME_ENVELOPE)
		{
			if (p->level != &p->levels[0])
				end_nested(p);
		}
		else
			qlm_verb_parse_end(p, frame);
	}
}

static void
handle_text(void *state, const char *text, int len)
{
	QlmParser  *p = state;
	const QlmFrame *frame;

	if (p->failed || p->skip > 0)
		return;
	frame = p->nframes > 0 ? &p->frames[p->nframes - 1] : NULL;
	if (p->capturing)
		qlm_parser_capture_text(p, text, len);
	else if (frame != NULL && frame->text)
		qlm_parser_text(p, text, len);
	else if (frame != NULL)
		qlm_unknown_text(p, frame, text, len);
}

const QlmXmlHandler qlm_envelope_handler = {
	handle_start, handle_end, handle_text
};
