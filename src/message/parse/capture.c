/*
 * capture.c
 *		XML that the parser of envelopes keeps as text.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/limits.h"
#include "message/parse/capture.h"
#include "message/parse/parser_text.h"
#include "message/parse/refuse.h"
#include "xml/writer.h"

/* Escaping can make text six times as long. */
static bool
capture_fits(QlmParser *p, Size len)
{
	if (p->captured.len + len * 6 < MaxAllocSize / 2)
		return true;
	qlm_parser_fail(p, 413, "Nested XML is too long");
	return false;
}

void
qlm_parser_capture(QlmParser *p, const QlmXmlElement *element,
				   const char *uri, bool self_contained)
{
	int			len;
	char	   *text = qlm_parser_take_text(p, &len);

	initStringInfo(&p->captured);
	p->capturing = true;
	p->capture_uri = uri;
	p->self_contained = self_contained;
	if (!qlm_parser_is_blank(text, len))
		qlm_parser_capture_text(p, text, len);
	qlm_parser_capture_start(p, element);
}

static bool
same_uri(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Prefixes are replaced by default namespaces. */
static void
capture_namespace(QlmParser *p, QlmCaptured *captured, const char *uri)
{
	const char *around = p->capture_uri;
	bool		needed;

	if (p->nopen > 0)
		around = p->open[p->nopen - 1].uri;
	needed = !same_uri(uri, around);
	if (p->nopen == 0 && p->self_contained)
		needed = uri != NULL || around != NULL;
	captured->uri = around;
	if (!same_uri(uri, around))
		captured->uri = uri == NULL ? NULL :
			qlm_parser_strdup(p, uri, strlen(uri));
	if (needed)
		qlm_xml_attribute(&p->captured, "xmlns", uri != NULL ? uri : "");
}

/*
 * Is there an attribute of the same name before this one, or one without
 * prefix?
 */
static bool
is_repeated(const QlmXmlElement *element, int n)
{
	const QlmXmlAttribute *attributes = element->attributes;

	if (attributes[n].prefix == NULL)
		return false;
	for (int i = 0; i < element->nattributes; i++)
		if (i != n && (i < n || attributes[i].prefix == NULL) &&
			strcmp(attributes[i].name, attributes[n].name) == 0)
			return true;
	return false;
}

void
qlm_parser_capture_start(QlmParser *p, const QlmXmlElement *element)
{
	StringInfo	buf = &p->captured;
	QlmCaptured captured;

	if (!capture_fits(p, QLM_MAX_ATTRIBUTES * QLM_MAX_ATTRIBUTE_SIZE))
		return;
	appendStringInfoChar(buf, '<');
	captured.name = buf->len;
	captured.name_len = strlen(element->name);
	appendBinaryStringInfo(buf, element->name, captured.name_len);
	capture_namespace(p, &captured, element->uri);
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];
		const char *name = a->name;

		/* the one prefix that needs no declaration */
		if (a->prefix != NULL && strcmp(a->prefix, "xml") == 0)
			name = psprintf("xml:%s", name);
		else if (is_repeated(element, i))
			continue;
		qlm_xml_attribute(buf, name, qlm_parser_strdup(p, a->value, a->len));
	}
	appendStringInfoChar(buf, '>');
	captured.content = buf->len;
	if (p->nopen == p->max_open)
	{
		p->max_open = p->max_open == 0 ? 16 : p->max_open * 2;
		if (p->open == NULL)
			p->open = palloc(p->max_open * sizeof(QlmCaptured));
		else
			p->open = repalloc(p->open, p->max_open * sizeof(QlmCaptured));
	}
	p->open[p->nopen++] = captured;
}

void
qlm_parser_capture_end(QlmParser *p)
{
	StringInfo	buf = &p->captured;
	QlmCaptured *captured = &p->open[--p->nopen];

	if (!capture_fits(p, captured->name_len))
		return;
	if (buf->len == captured->content)
	{
		buf->data[buf->len - 1] = '/';
		appendStringInfoChar(buf, '>');
		return;
	}
	enlargeStringInfo(buf, captured->name_len + 3);
	appendBinaryStringInfo(buf, "</", 2);
	appendBinaryStringInfo(buf, buf->data + captured->name,
						   captured->name_len);
	appendStringInfoChar(buf, '>');
}

void
qlm_parser_capture_text(QlmParser *p, const char *text, int len)
{
	if (capture_fits(p, len))
		qlm_xml_text_len(&p->captured, text, len);
}

char *
qlm_parser_captured(QlmParser *p, int *len)
{
	char	   *text = p->captured.data;

	*len = p->captured.len;
	while (*len > 0 && qlm_parser_is_blank(text + *len - 1, 1))
		(*len)--;
	text[*len] = '\0';
	p->capturing = false;
	return text;
}
