/*
 * odf_print.c
 *		Prints O-DF trees as XML.
 *
 * An envelope may contain a hundred thousand values, so constant pieces are
 * appended and nothing is formatted.
 */
#include "postgres.h"

#include "message/print/odf_print.h"
#include "message/print/printer.h"
#include "xml/writer.h"

/*
 * In an envelope with a namespace, which is the default, a payload without one
 * must reset it.  A document has no envelope around it.
 */
static void
print_namespace(StringInfo buf, const QlmDialect *dialect, bool is_document)
{
	if (!is_document && qlm_dialect_inherits(dialect))
		return;
	if (dialect->df_namespace != NULL)
		qlm_xml_attribute(buf, "xmlns", dialect->df_namespace);
	else if (!is_document)
		append_literal(buf, " xmlns=\"\"");
}

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static void
print_attributes(StringInfo buf, const QlmAttribute *attribute,
				 const char *const *standard)
{
	for (; attribute != NULL; attribute = attribute->next)
	{
		if (strncmp(attribute->name, "xmlns", 5) == 0 ||
			is_one_of(attribute->name, standard) ||
			!qlm_xml_is_name(attribute->name))
			continue;
		qlm_xml_attribute(buf, attribute->name, attribute->value);
	}
}

static void
print_ids(StringInfo buf, const QlmId *id, const char *element)
{
	static const char *const standard[] = {
		"idType", "tagType", "startDate", "endDate", NULL
	};

	for (; id != NULL; id = id->next)
	{
		appendStringInfoChar(buf, '<');
		appendStringInfoString(buf, element);
		qlm_xml_attribute(buf, "idType", id->id_type);
		qlm_xml_attribute(buf, "tagType", id->tag_type);
		print_time_attribute(buf, "startDate", id->has_start, id->start_date);
		print_time_attribute(buf, "endDate", id->has_end, id->end_date);
		print_attributes(buf, id->attributes, standard);
		appendStringInfoChar(buf, '>');
		qlm_xml_text(buf, id->text);
		append_literal(buf, "</");
		appendStringInfoString(buf, element);
		appendStringInfoChar(buf, '>');
	}
}

static void
print_descriptions(StringInfo buf, const QlmDescription *description,
				   const QlmDialect *dialect)
{
	static const char *const standard[] = {"lang", NULL};

	for (; description != NULL; description = description->next)
	{
		append_literal(buf, "<description");
		qlm_xml_attribute(buf, "lang", description->lang);
		print_attributes(buf, description->attributes, standard);
		if (description->text == NULL || description->text[0] == '\0')
		{
			close_empty(buf, dialect);
			continue;
		}
		appendStringInfoChar(buf, '>');
		qlm_xml_text(buf, description->text);
		append_literal(buf, "</description>");
	}
}

/*
 * Objects in a value are printed with their own namespace.  If that is one of
 * O-DF they inherit that of the payload instead.
 */
static void
print_inner_objects(StringInfo buf, const char *text, int len)
{
	static const char start[] = "<Objects xmlns=\"";
	const int	element_len = sizeof("<Objects") - 1;
	const int	start_len = sizeof(start) - 1;
	const char *end = NULL;

	if (len > start_len && memcmp(text, start, start_len) == 0)
		end = memchr(text + start_len, '"', len - start_len);
	if (end == NULL ||
		!qlm_dialect_namespace_is_odf(text + start_len,
									  end - text - start_len))
	{
		appendBinaryStringInfo(buf, text, len);
		return;
	}
	appendBinaryStringInfo(buf, text, element_len);
	appendBinaryStringInfo(buf, end + 1, text + len - end - 1);
}

static void
print_value(StringInfo buf, const QlmValue *value, const QlmDialect *dialect)
{
	static const char *const standard[] = {
		"type", "dateTime", "unixTime", NULL
	};

	append_literal(buf, "<value");
	if (value->type != NULL)
		qlm_xml_attribute(buf, "type", value->type);
	if (value->has_ts)
	{
		append_literal(buf, " dateTime=\"");
		qlm_datetime_append(buf, value->ts);
		append_literal(buf, "\" unixTime=\"");
		qlm_unixtime_append(buf, value->ts, dialect->unix_fraction);
		appendStringInfoChar(buf, '"');
	}
	if (value->attributes != NULL &&
		qlm_dialect_keeps_value_attributes(dialect))
		print_attributes(buf, value->attributes, standard);
	if (value->len == 0)
	{
		close_empty(buf, dialect);
		return;
	}
	appendStringInfoChar(buf, '>');
	if (value->is_odf)
		print_inner_objects(buf, value->text, value->len);
	else
		qlm_xml_text_len(buf, value->text, value->len);
	append_literal(buf, "</value>");
}

static void
print_item(StringInfo buf, const QlmInfoItem *item, const QlmDialect *dialect,
		   bool is_document)
{
	static const char *const standard[] = {"name", "type", NULL};
	bool		has_meta_data = item->has_meta_data || item->meta_data;

	append_literal(buf, "<InfoItem");
	if (is_document)
		print_namespace(buf, dialect, true);
	qlm_xml_attribute(buf, "name", item->name);
	qlm_xml_attribute(buf, "type", item->type);
	print_attributes(buf, item->attributes, standard);
	if (!item->alt_names && !item->descriptions && !has_meta_data &&
		!item->values && !is_document)
	{
		close_empty(buf, dialect);
		return;
	}
	appendStringInfoChar(buf, '>');
	print_ids(buf, item->alt_names, dialect->alt_name);
	print_descriptions(buf, item->descriptions, dialect);
	if (item->meta_data != NULL)
	{
		append_literal(buf, "<MetaData>");
		for (QlmInfoItem *m = item->meta_data; m != NULL; m = m->next)
			print_item(buf, m, dialect, false);
		append_literal(buf, "</MetaData>");
	}
	else if (has_meta_data)
	{
		append_literal(buf, "<MetaData");
		close_empty(buf, dialect);
	}
	for (QlmValue *value = item->values; value != NULL; value = value->next)
		print_value(buf, value, dialect);
	append_literal(buf, "</InfoItem>");
}

static void
print_object(StringInfo buf, const QlmObject *object,
			 const QlmDialect *dialect, bool is_document)
{
	static const char *const standard[] = {"type", NULL};

	append_literal(buf, "<Object");
	if (is_document)
		print_namespace(buf, dialect, true);
	qlm_xml_attribute(buf, "type", object->type);
	print_attributes(buf, object->attributes, standard);
	appendStringInfoChar(buf, '>');
	print_ids(buf, object->ids, "id");
	print_descriptions(buf, object->descriptions, dialect);
	for (QlmInfoItem *item = object->items; item != NULL; item = item->next)
		print_item(buf, item, dialect, false);
	for (QlmObject *child = object->objects; child; child = child->next)
		print_object(buf, child, dialect, false);
	append_literal(buf, "</Object>");
}

void
qlm_odf_print_object(StringInfo buf, const QlmObject *object,
					 const QlmDialect *dialect)
{
	print_object(buf, object, dialect, true);
}

void
qlm_odf_print_item(StringInfo buf, const QlmInfoItem *item,
				   const QlmDialect *dialect)
{
	print_item(buf, item, dialect, true);
}

void
qlm_odf_print_meta_data(StringInfo buf, const QlmInfoItem *item,
						const QlmDialect *dialect)
{
	append_literal(buf, "<MetaData");
	print_namespace(buf, dialect, true);
	appendStringInfoChar(buf, '>');
	for (QlmInfoItem *m = item->meta_data; m != NULL; m = m->next)
		print_item(buf, m, dialect, false);
	append_literal(buf, "</MetaData>");
}

static void
print_objects(StringInfo buf, const QlmOdf *odf, const QlmDialect *dialect,
			  bool is_document)
{
	static const char *const standard[] = {"version", NULL};

	append_literal(buf, "<Objects");
	print_namespace(buf, dialect, is_document);
	if (qlm_dialect_is_v2(dialect))
		append_literal(buf, " version=\"2.0\"");
	print_attributes(buf, odf->root.attributes, standard);
	if (odf->root.objects == NULL)
	{
		close_empty(buf, dialect);
		return;
	}
	appendStringInfoChar(buf, '>');
	for (QlmObject *object = odf->root.objects; object; object = object->next)
		print_object(buf, object, dialect, false);
	append_literal(buf, "</Objects>");
}

void
qlm_odf_print(StringInfo buf, const QlmOdf *odf, const QlmDialect *dialect)
{
	print_objects(buf, odf, dialect, false);
}

void
qlm_odf_print_document(StringInfo buf, const QlmOdf *odf,
					   const QlmDialect *dialect)
{
	print_objects(buf, odf, dialect, true);
}
