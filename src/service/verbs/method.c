/*
 * method.c
 *		Methods: InfoItems with a function.  Its parameters, and the answer
 *		made of what it returns.
 */
#include "postgres.h"

#include "message/print/odf_print.h"
#include "message/text/envelope_text.h"
#include "service/payload/tree.h"
#include "service/verbs/method.h"
#include "storage/core/acl.h"
#include "storage/select/select_alias.h"
#include "storage/select/select_event.h"
#include "xml/writer.h"

/* Where policies hide InfoItems, only visible ones may be called. */
static bool
is_hidden(const char *path)
{
	int		   *items;

	return qlm_acl_hides_data() && qlm_select_items(&path, 1, &items) == 0;
}

/* Returns why a function cannot be run, or NULL. */
static const char *
handler_problem(const QlmHandler *handler, int *code)
{
	*code = 500;
	if (!handler->found)
		return psprintf("the handler %s does not exist, or is not fit to be one",
						handler->name);
	*code = 403;
	if (!handler->trusted)
		return psprintf("%s may not run with your rights, as its owner does not have them",
						handler->name);
	return NULL;
}

QlmMethod
qlm_method_find(const char *path, const char *verb, const QlmPeer *caller,
				QlmHandler *handler, const QlmPeer **owner, int *code,
				const char **problem)
{
	if (!is_hidden(path))
	{
		if (qlm_handler_find(path, verb, handler))
		{
			*problem = handler_problem(handler, code);
			return *problem ? QLM_METHOD_REFUSED : QLM_METHOD_LOCAL;
		}
		*owner = qlm_peer_by_path(path);
		if (*owner && (caller == NULL || caller->peer_id != (*owner)->peer_id))
			return QLM_METHOD_OWNER;
	}
	*code = 404;
	*problem = "no function is registered for this path";
	return QLM_METHOD_NONE;
}

void
qlm_method_resolve(QlmOdf *odf)
{
	int			nfound;

	if (qlm_acl_may_select(QLM_REL_OBJECT) &&
		qlm_acl_may_select(QLM_REL_INFO_ITEM))
		(void) qlm_select_alias_find_nodes(odf, &nfound);
}

QlmOdf *
qlm_method_payload(const char *path, const QlmInfoItem *item)
{
	QlmInfoItem *copy;
	QlmInfoItem *next;
	QlmOdf	   *odf = qlm_tree_from_item(path, &copy);

	next = copy->next;
	*copy = *item;
	copy->next = next;
	odf->nvalues = item->nvalues;
	return odf;
}

/* Skips the XML declaration with which a document may begin. */
static const char *
skip_declaration(const char *xml)
{
	const char *start = xml + strspn(xml, " \t\r\n");
	const char *end = strncmp(start, "<?xml ", 6) == 0 ? strstr(start, "?>") : NULL;

	return end ? end + 2 : xml;
}

/*
 * Parses XML as a payload, which may be O-DF or not.  Returns NULL and sets
 * *problem for invalid O-DF.
 */
static const QlmResult *
parse_payload(const char *xml, const char **problem)
{
	StringInfoData text;
	QlmEnvelope *envelope;
	QlmRequest *response;
	int			code;

	initStringInfo(&text);
	appendStringInfo(&text, "<omiEnvelope version=\"1.0\" ttl=\"0\"><response><result>"
					 "<return returnCode=\"200\"/><msg>%s</msg></result></response></omiEnvelope>",
					 skip_declaration(xml));
	envelope = qlm_envelope_parse(text.data, text.len, "UTF-8", &code, problem);
	if (code != 0)
		return NULL;
	response = linitial(envelope->requests);
	*problem = response->error;
	return response->error_code != 0 ? NULL : linitial(response->results);
}

static void
print_plain(StringInfo text, const QlmOdf *odf)
{
	qlm_odf_print_document(text, odf, qlm_dialect_by_key("M0"));
}

/* Parameters have the same form for a function, whatever the dialect. */
static QlmValue *
plain_value(QlmOdf *odf, QlmInfoItem *item, const QlmValue *value)
{
	QlmValue   *copy = qlm_odf_add_value(odf, item, value->text, value->len);
	const QlmResult *parsed;
	const char *problem;
	StringInfoData text;

	copy->has_ts = value->has_ts;
	copy->ts = value->ts;
	copy->type = value->type;
	copy->attributes = value->attributes;
	copy->is_odf = value->is_odf;
	if (!value->is_odf)
		return copy;
	parsed = parse_payload(value->text, &problem);
	if (parsed && parsed->odf)
	{
		initStringInfo(&text);
		print_plain(&text, parsed->odf);
		copy->text = text.data;
		copy->len = text.len;
	}
	return copy;
}

void
qlm_method_input(QlmHandlerInput *input, const char *path,
				 const QlmInfoItem *item)
{
	StringInfoData text;
	QlmInfoItem *copy;
	QlmOdf	   *odf = qlm_tree_from_item(path, &copy);

	copy->type = item->type;
	copy->attributes = item->attributes;
	copy->meta_data = item->meta_data;
	for (const QlmValue *value = item->values; value; value = value->next)
		plain_value(odf, copy, value);
	initStringInfo(&text);
	print_plain(&text, odf);
	input->path = path;
	input->payload = text.data;
	input->value = copy->values ?
		pnstrdup(copy->values->text, copy->values->len) : NULL;
}

static QlmOdf *
output_value(const QlmHandler *handler, const char *path, const char *output,
			 const char **problem)
{
	QlmInfoItem *item;
	QlmOdf	   *odf;

	if (!qlm_xml_can_hold(output))
	{
		*problem = psprintf("what %s returned holds a character that messages cannot contain",
							handler->name);
		return NULL;
	}
	odf = qlm_tree_from_item(path, &item);
	qlm_odf_add_value(odf, item, output, strlen(output));
	return odf;
}

bool
qlm_method_output(const QlmHandler *handler, const char *path,
				  const char *output, QlmOdf **odf, const char **problem)
{
	const QlmResult *parsed;

	*odf = NULL;
	if (output == NULL)
		return true;
	if (!handler->returns_xml)
	{
		*odf = output_value(handler, path, output, problem);
		return *odf != NULL;
	}
	parsed = parse_payload(output, problem);
	if (parsed == NULL)
	{
		*problem = psprintf("what %s returned is not O-DF: %s", handler->name,
							*problem);
		return false;
	}
	*odf = parsed->odf ? parsed->odf : output_value(handler, path, output, problem);
	return *odf != NULL;
}
