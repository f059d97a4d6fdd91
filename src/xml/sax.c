/*
 * sax.c
 *		The callbacks of libxml2: elements, text and errors.
 */
#include "postgres.h"

#include <libxml/SAX2.h>

#include "xml/failure.h"
#include "xml/reader_state.h"
#include "xml/sax.h"

#if LIBXML_VERSION >= 21200
typedef const xmlError *XmlErrorArg;
#else
typedef xmlErrorPtr XmlErrorArg;
#endif

/*
 * Sets an error that libxml2 has found.  It stops by itself, and must not be
 * stopped here: it may still access the buffer that this would free.
 */
static void
fail_in_parser(QlmXmlReader *reader, XmlErrorArg error, const char *fmt,...)
	pg_attribute_printf(3, 4);

static void
fail_in_parser(QlmXmlReader *reader, XmlErrorArg error, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	qlm_xml_reader_fail_at(reader, 400,
						   error->line + reader->decoder.skipped_lines,
						   error->int2, fmt, args);
	va_end(args);
}

/* Returns a clearer text for an error of libxml2, or NULL. */
static const char *
plain_words(const QlmXmlReader *reader, XmlErrorArg error)
{
	xmlParserInputPtr input = reader->parser->input;
	bool		ended = reader->finishing &&
		(error->code == XML_ERR_DOCUMENT_END || input->cur >= input->end);

	if (ended && !reader->seen_root)
		return "The message holds no XML element";
	if (ended && reader->depth > 0)
		return "The message ends before its root element is closed";
	if (error->code == XML_ERR_DOCUMENT_EMPTY)
		return "The message does not begin with an XML element";
	if (error->code == XML_ERR_DOCUMENT_END)
		return "There is something after the end of the root element";
	return NULL;
}

/* Called by libxml2 for each error. */
static void
on_error(void *data, XmlErrorArg error)
{
	QlmXmlReader *reader = data;
	const char *sentence;

	/* Undeclared prefixes are common in the wild. */
	if (error->level < XML_ERR_ERROR || error->domain == XML_FROM_NAMESPACE)
		return;

	/* Raised when libxml2 has returned */
	if (error->code == XML_ERR_NO_MEMORY)
	{
		reader->out_of_memory = true;
		return;
	}

	sentence = plain_words(reader, error);
	if (sentence != NULL)
		fail_in_parser(reader, error, "%s", sentence);
	else if (error->code == XML_ERR_UNDECLARED_ENTITY)
		fail_in_parser(reader, error,
					   "The entity \"%s\" is not one of the five that XML knows by itself",
					   error->str1 ? error->str1 : "");
	else
		fail_in_parser(reader, error, "The XML is not well-formed: %s",
					   error->message ? error->message : "unknown error");
}

static void
on_doctype(void *data, const xmlChar *name, const xmlChar *external_id,
		   const xmlChar *system_id)
{
	qlm_xml_reader_fail(data, 400, "A document type declaration is not allowed");
}

/*
 * Unless entities are replaced, libxml2 returns an ampersand in an attribute
 * or a namespace as "&#38;", and nothing else that contains an ampersand.
 */
static const char *
unescape_ampersands(const char *text, int *len)
{
	static const char escape[] = "&#38;";
	const char *end = text + *len;
	char	   *result;
	int			n = 0;

	if (memchr(text, '&', *len) == NULL)
		return text;
	result = palloc(*len + 1);
	while (text < end)
	{
		bool		escaped = end - text >= 5 && memcmp(text, escape, 5) == 0;

		result[n++] = *text;
		text += escaped ? 5 : 1;
	}
	result[n] = '\0';
	*len = n;
	return result;
}

static const char *
unescape_uri(const char *uri)
{
	int			len = uri ? strlen(uri) : 0;

	return uri ? unescape_ampersands(uri, &len) : NULL;
}

/* Is it an attribute about the XML, and not about the envelope? */
static bool
is_about_schema(const char *prefix, const char *uri)
{
	if (prefix == NULL)
		return false;
	return strcmp(prefix, "xsi") == 0 ||
		(uri != NULL &&
		 strcmp(uri, "http://www.w3.org/2001/XMLSchema-instance") == 0);
}

static bool
check_name(QlmXmlReader *reader, const char *name)
{
	if (strlen(name) <= QLM_MAX_NAME)
		return true;
	qlm_xml_reader_fail(reader, 413,
						"The name of an element or attribute is longer than %d bytes",
						QLM_MAX_NAME);
	return false;
}

/*
 * Copies libxml2's array of name, prefix, URI, value and end of value.
 * Returns the number of attributes, or -1.
 */
static int
collect_attributes(QlmXmlReader *reader, int count, const char *const *from)
{
	int			n = 0;

	for (int i = 0; i < count; i++, from += 5)
	{
		QlmXmlAttribute *attribute = &reader->attributes[n];

		if (is_about_schema(from[1], from[2]))
			continue;
		if (!check_name(reader, from[0]))
			return -1;
		if (from[4] - from[3] > QLM_MAX_ATTRIBUTE_SIZE)
		{
			qlm_xml_reader_fail(reader, 413,
								"The attribute \"%s\" is longer than %d bytes",
								from[0], QLM_MAX_ATTRIBUTE_SIZE);
			return -1;
		}
		attribute->name = from[0];
		attribute->prefix = from[1];
		attribute->uri = from[2];
		attribute->len = from[4] - from[3];
		attribute->value = unescape_ampersands(from[3], &attribute->len);
		n++;
	}
	return n;
}

/* Would this element exceed a limit? */
static bool
check_element(QlmXmlReader *reader, const char *name, int nattributes,
			  int nnamespaces)
{
	if (reader->depth >= reader->max_depth)
		qlm_xml_reader_fail(reader, 413, "Elements are nested more than %d deep",
							reader->max_depth);
	else if (nattributes > QLM_MAX_ATTRIBUTES)
		qlm_xml_reader_fail(reader, 413,
							"The element \"%s\" has more than %d attributes",
							name, QLM_MAX_ATTRIBUTES);
	else if (reader->nnamespaces + nnamespaces > QLM_MAX_NAMESPACES)
		qlm_xml_reader_fail(reader, 413,
							"More than %d namespaces are declared around the element \"%s\"",
							QLM_MAX_NAMESPACES, name);
	else
		return check_name(reader, name);
	return false;
}

static void
on_start(void *data, const xmlChar *name, const xmlChar *prefix,
		 const xmlChar *uri, int nnamespaces, const xmlChar **namespaces,
		 int nattributes, int ndefaulted, const xmlChar **attributes)
{
	QlmXmlReader *reader = data;
	QlmXmlElement element;

	if (reader->error.code != 0 ||
		!check_element(reader, (const char *) name, nattributes, nnamespaces))
		return;
	reader->namespaces[reader->depth++] = nnamespaces;
	reader->nnamespaces += nnamespaces;
	reader->seen_root = true;

	element.name = (const char *) name;
	element.prefix = (const char *) prefix;
	element.uri = unescape_uri((const char *) uri);
	element.attributes = reader->attributes;
	element.nattributes = collect_attributes(reader, nattributes,
											 (const char *const *) attributes);
	if (element.nattributes >= 0)
		reader->handler->start(reader->state, &element);
}

static void
on_end(void *data, const xmlChar *name, const xmlChar *prefix,
	   const xmlChar *uri)
{
	QlmXmlReader *reader = data;

	if (reader->error.code != 0)
		return;
	reader->nnamespaces -= reader->namespaces[--reader->depth];
	reader->handler->end(reader->state);
}

static void
on_text(void *data, const xmlChar *text, int len)
{
	QlmXmlReader *reader = data;

	if (reader->error.code == 0)
		reader->handler->text(reader->state, (const char *) text, len);
}

/*
 * There is no handler that could declare or load anything, and none of
 * libxml2's own: those build trees and read files.
 */
xmlSAXHandler qlm_xml_sax = {
	.initialized = XML_SAX2_MAGIC,
	.internalSubset = on_doctype,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_text,
	.serror = on_error
};
