/*
 * envelope_json.c
 *		Prints envelopes as JSON, with the same names as envelope_print.c.
 *
 * Verbs of one kind become an array, so in an envelope with several kinds only
 * the order within each is kept.
 */
#include "postgres.h"

#include "base/number.h"
#include "json/json_write.h"
#include "message/json/envelope_json.h"
#include "message/json/odf_json.h"
#include "message/print/printer.h"

static void
print_int(StringInfo buf, const char *name, int value)
{
	if (value == 0)
		return;
	qlm_json_name(buf, name);
	appendStringInfo(buf, "%d", value);
}

static void
print_double(StringInfo buf, const char *name, double value)
{
	qlm_json_name(buf, name);
	qlm_double_append(buf, value);
}

/* One text, or an array of them */
static void
print_texts(StringInfo buf, const char *name, List *texts)
{
	bool		several = list_length(texts) > 1;
	ListCell   *lc;

	if (texts == NIL)
		return;
	qlm_json_name(buf, name);
	if (several)
		appendStringInfoChar(buf, '[');
	foreach(lc, texts)
	{
		if (lc != list_head(texts))
			qlm_json_next(buf);
		qlm_json_text(buf, lfirst(lc));
	}
	if (several)
		appendStringInfoChar(buf, ']');
}

static void
print_nodes(StringInfo buf, List *nodes)
{
	if (nodes == NIL)
		return;
	qlm_json_name(buf, "nodeList");
	appendStringInfoString(buf, "{\"type\":\"URL\"");
	print_texts(buf, "node", nodes);
	appendStringInfoChar(buf, '}');
}

static void
print_payload(StringInfo buf, const QlmOdf *odf, const char *opaque)
{
	if (opaque != NULL)
		qlm_json_member(buf, "msg", opaque);
	else if (odf != NULL)
	{
		qlm_json_name(buf, "msg");
		qlm_odf_json_print(buf, odf);
	}
}

static void
print_true(StringInfo buf, const char *name, bool value)
{
	if (!value)
		return;
	qlm_json_name(buf, name);
	appendStringInfoString(buf, "true");
}

static void
print_selectors(StringInfo buf, const QlmRequest *request)
{
	if (request->has_interval)
		print_double(buf, "interval", request->interval);
	print_int(buf, "newest", request->newest);
	print_int(buf, "oldest", request->oldest);
	qlm_json_time(buf, "begin", request->has_begin, request->begin);
	qlm_json_time(buf, "end", request->has_end, request->end);
	print_int(buf, "maxlevels", request->max_levels);
	print_true(buf, "all", request->all);
	print_true(buf, "qlmDetails", request->details);
}

static void
print_request(StringInfo buf, const QlmRequest *request,
			  const QlmDialect *dialect)
{
	appendStringInfoChar(buf, '{');
	if (request->request_ids == NIL)
		qlm_json_member(buf, "msgformat",
						qlm_payload_format(request->odf, request->opaque,
										   request->msgformat, dialect));
	qlm_json_member(buf, "callback", request->callback);
	if (request->target_device)
		qlm_json_member(buf, "targetType", "device");
	if (request->verb == QLM_READ)
		print_selectors(buf, request);
	print_nodes(buf, request->nodes);
	print_texts(buf, dialect->request_id, request->request_ids);
	print_payload(buf, request->odf, request->opaque);
	appendStringInfoChar(buf, '}');
}

static void
print_result(StringInfo buf, const QlmResult *result,
			 const QlmDialect *dialect)
{
	appendStringInfoChar(buf, '{');
	qlm_json_member(buf, "msgformat",
					qlm_payload_format(result->odf, result->opaque,
									   result->msgformat, dialect));
	qlm_json_member(buf, "targetType", result->target_type);
	qlm_json_name(buf, "return");
	appendStringInfoChar(buf, '{');
	print_int(buf, "returnCode", result->code);
	qlm_json_member(buf, "description", result->description);
	appendStringInfoChar(buf, '}');
	print_texts(buf, dialect->request_id, result->request_ids);
	print_payload(buf, result->odf, result->opaque);
	print_nodes(buf, result->nodes);
	if (result->nested_text != NULL)
	{
		qlm_json_next(buf);
		appendStringInfoString(buf, result->nested_text);
	}
	else if (result->nested != NULL)
		qlm_envelope_print_json_member(buf, result->nested);
	appendStringInfoChar(buf, '}');
}

static void
print_response(StringInfo buf, const QlmRequest *response,
			   const QlmDialect *dialect)
{
	bool		several = list_length(response->results) > 1;
	ListCell   *lc;

	appendStringInfoChar(buf, '{');
	if (response->results != NIL)
		qlm_json_name(buf, "result");
	if (several)
		appendStringInfoChar(buf, '[');
	foreach(lc, response->results)
	{
		if (lc != list_head(response->results))
			qlm_json_next(buf);
		print_result(buf, lfirst(lc), dialect);
	}
	if (several)
		appendStringInfoChar(buf, ']');
	appendStringInfoChar(buf, '}');
}

/* All verbs of one kind */
static void
print_verbs(StringInfo buf, const QlmEnvelope *envelope, QlmVerb verb)
{
	int			n = 0;
	int			done = 0;
	ListCell   *lc;

	foreach(lc, envelope->requests)
		n += ((QlmRequest *) lfirst(lc))->verb == verb;
	if (n == 0)
		return;
	qlm_json_name(buf, qlm_verb_name(verb));
	if (n > 1)
		appendStringInfoChar(buf, '[');
	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);

		if (request->verb != verb)
			continue;
		if (done++ > 0)
			qlm_json_next(buf);
		if (verb == QLM_RESPONSE)
			print_response(buf, request, &envelope->dialect);
		else
			print_request(buf, request, &envelope->dialect);
	}
	if (n > 1)
		appendStringInfoChar(buf, ']');
}

void
qlm_envelope_print_json_member(StringInfo buf, const QlmEnvelope *envelope)
{
	const QlmDialect *dialect = &envelope->dialect;
	uint32		printed = 0;
	ListCell   *lc;

	qlm_json_name(buf, dialect->root);
	appendStringInfoChar(buf, '{');
	qlm_json_member(buf, "xmlns", dialect->mi_namespace);
	qlm_json_member(buf, "version", dialect->version);
	print_double(buf, "ttl", envelope->ttl);
	qlm_json_member(buf, "authorization", envelope->authorization);
	qlm_json_member(buf, "qlmHops", envelope->hops);
	qlm_json_member(buf, "qlmRequest", envelope->key);
	qlm_json_member(buf, "qlmAcknowledge", envelope->acknowledge ? "true" : NULL);
	foreach(lc, envelope->requests)
	{
		QlmVerb		verb = ((QlmRequest *) lfirst(lc))->verb;

		if ((printed & (1U << verb)) == 0)
			print_verbs(buf, envelope, verb);
		printed |= 1U << verb;
	}
	appendStringInfoChar(buf, '}');
}

void
qlm_envelope_print_json(StringInfo buf, const QlmEnvelope *envelope)
{
	appendStringInfoChar(buf, '{');
	qlm_envelope_print_json_member(buf, envelope);
	appendStringInfoChar(buf, '}');
}
