/*
 * envelope_print.c
 *		Prints envelopes as XML, each in its dialect.
 *
 * Elements are in the order of the schemas and in a default namespace, never
 * with a prefix: some parsers require that.
 */
#include "postgres.h"

#include "base/number.h"
#include "message/print/envelope_print.h"
#include "message/print/odf_print.h"
#include "message/print/printer.h"
#include "xml/writer.h"

static void
print_double_attribute(StringInfo buf, const char *name, double value)
{
	appendStringInfo(buf, " %s=\"", name);
	qlm_double_append(buf, value);
	appendStringInfoChar(buf, '"');
}

static void
print_int_attribute(StringInfo buf, const char *name, int value)
{
	if (value != 0)
		appendStringInfo(buf, " %s=\"%d\"", name, value);
}

static void
print_request_ids(StringInfo buf, List *request_ids, const QlmDialect *dialect)
{
	ListCell   *lc;

	foreach(lc, request_ids)
		qlm_xml_element(buf, dialect->request_id, lfirst(lc));
}

static void
print_nodes(StringInfo buf, List *nodes)
{
	ListCell   *lc;

	if (nodes == NIL)
		return;
	append_literal(buf, "<nodeList type=\"URL\">");
	foreach(lc, nodes)
		qlm_xml_element(buf, "node", lfirst(lc));
	append_literal(buf, "</nodeList>");
}

/*
 * A payload in another format is recognised only inside msg.  It is printed as
 * it came, even if this node has parsed it.
 */
static void
print_payload(StringInfo buf, const QlmOdf *odf, const char *opaque,
			  bool opaque_xml, const QlmDialect *dialect)
{
	if (opaque != NULL)
	{
		append_literal(buf, "<msg>");
		if (opaque_xml)
			appendStringInfoString(buf, opaque);
		else
			qlm_xml_text(buf, opaque);
		append_literal(buf, "</msg>");
	}
	else if (odf != NULL && !dialect->msg)
		qlm_odf_print(buf, odf, dialect);
	else if (odf != NULL)
	{
		append_literal(buf, "<msg>");
		qlm_odf_print(buf, odf, dialect);
		append_literal(buf, "</msg>");
	}
}

static void
print_window(StringInfo buf, const QlmRequest *request)
{
	print_time_attribute(buf, "begin", request->has_begin, request->begin);
	print_time_attribute(buf, "end", request->has_end, request->end);
}

static void
print_selectors(StringInfo buf, const QlmRequest *request)
{
	if (request->has_interval)
		print_double_attribute(buf, "interval", request->interval);
	print_int_attribute(buf, "newest", request->newest);
	print_int_attribute(buf, "oldest", request->oldest);
	print_window(buf, request);
	print_int_attribute(buf, "maxlevels", request->max_levels);
	if (request->all)
		append_literal(buf, " all=\"true\"");
	if (request->details)
		append_literal(buf, " qlmDetails=\"true\"");
}

static void
print_request(StringInfo buf, const QlmRequest *request,
			  const QlmDialect *dialect)
{
	const char *verb = qlm_verb_name(request->verb);
	bool		is_poll = request->request_ids != NIL;

	appendStringInfo(buf, "<%s", verb);
	if (!is_poll)				/* the reference node refuses it on a poll */
		qlm_xml_attribute(buf, "msgformat",
						  qlm_payload_format(request->odf, request->opaque,
											 request->msgformat, dialect));
	if (dialect->verb_attributes && request->verb == QLM_READ)
	{
		qlm_xml_attribute(buf, "version", dialect->version);
		append_literal(buf, " ttl=\"0.0\"");
	}
	qlm_xml_attribute(buf, "callback", request->callback);
	if (request->target_device)
		append_literal(buf, " targetType=\"device\"");
	if (request->verb == QLM_READ)
		print_selectors(buf, request);
	else if (request->verb == QLM_DELETE)
		print_window(buf, request);
	if (request->nodes == NIL && !is_poll && request->odf == NULL &&
		request->opaque == NULL)
	{
		close_empty(buf, dialect);
		return;
	}
	appendStringInfoChar(buf, '>');
	print_nodes(buf, request->nodes);
	print_request_ids(buf, request->request_ids, dialect);
	print_payload(buf, request->odf, request->opaque, request->opaque_xml,
				  dialect);
	appendStringInfo(buf, "</%s>", verb);
}

static void
print_result(StringInfo buf, const QlmResult *result,
			 const QlmDialect *dialect)
{
	append_literal(buf, "<result");
	qlm_xml_attribute(buf, "msgformat",
					  qlm_payload_format(result->odf, result->opaque,
										 result->msgformat, dialect));
	qlm_xml_attribute(buf, "targetType", result->target_type);
	append_literal(buf, "><return");
	print_int_attribute(buf, "returnCode", result->code);
	qlm_xml_attribute(buf, "description", result->description);
	close_empty(buf, dialect);
	print_request_ids(buf, result->request_ids, dialect);
	print_payload(buf, result->odf, result->opaque, result->opaque_xml,
				  dialect);
	print_nodes(buf, result->nodes);
	if (result->nested_text != NULL)
		appendStringInfoString(buf, result->nested_text);
	else if (result->nested != NULL)
		qlm_envelope_print_nested_xml(buf, result->nested, dialect);
	append_literal(buf, "</result>");
}

static void
print_response(StringInfo buf, const QlmRequest *response,
			   const QlmDialect *dialect)
{
	ListCell   *lc;

	append_literal(buf, "<response>");
	foreach(lc, response->results)
		print_result(buf, lfirst(lc), dialect);
	append_literal(buf, "</response>");
}

/* Prints the namespace if it differs from that of the surrounding element. */
static void
print_namespace(StringInfo buf, const char *uri, const char *inherited)
{
	if (uri == NULL && inherited != NULL)
		append_literal(buf, " xmlns=\"\"");
	else if (uri != NULL && (inherited == NULL || strcmp(uri, inherited) != 0))
		qlm_xml_attribute(buf, "xmlns", uri);
}

static void
print_envelope(StringInfo buf, const QlmEnvelope *envelope,
			   const char *inherited)
{
	const QlmDialect *dialect = &envelope->dialect;
	ListCell   *lc;

	appendStringInfo(buf, "<%s", dialect->root);
	print_namespace(buf, dialect->mi_namespace, inherited);
	qlm_xml_attribute(buf, "version", dialect->version);
	if (dialect->verb_attributes && envelope->ttl == 0)
		append_literal(buf, " ttl=\"0.0\"");	/* the paper's spelling */
	else
		print_double_attribute(buf, "ttl", envelope->ttl);
	qlm_xml_attribute(buf, "authorization", envelope->authorization);
	qlm_xml_attribute(buf, "qlmHops", envelope->hops);
	qlm_xml_attribute(buf, "qlmRequest", envelope->key);
	qlm_xml_attribute(buf, "qlmAcknowledge", envelope->acknowledge ? "true" : NULL);
	appendStringInfoChar(buf, '>');
	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);

		if (request->verb == QLM_RESPONSE)
			print_response(buf, request, dialect);
		else
			print_request(buf, request, dialect);
	}
	appendStringInfo(buf, "</%s>", dialect->root);
}

void
qlm_envelope_print_xml(StringInfo buf, const QlmEnvelope *envelope)
{
	print_envelope(buf, envelope, NULL);
}

void
qlm_envelope_print_nested_xml(StringInfo buf, const QlmEnvelope *nested,
							  const QlmDialect *outer)
{
	print_envelope(buf, nested, outer->mi_namespace);
}
