/*
 * odf.c
 *		Builds O-DF trees and prints them.
 *
 * A message may carry a hundred thousand values, so nodes are carved from
 * blocks and printing appends ready pieces instead of formatting.
 */
#include "postgres.h"

#include "message/odf.h"
#include "message/print/printer.h"
#include "xml/writer.h"

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK 8192		/* still a chunk of a memory context's block */
#define SHORT_TEXT 128			/* stands in the same block as its value */

static void *
alloc_node(QlmOdf *odf, Size size)
{
	char	   *node;

	size = MAXALIGN(size);
	if (odf->nspare < size)
	{
		odf->spare = palloc0(odf->block_size);
		odf->nspare = odf->block_size;
		odf->block_size = Min(odf->block_size * 2, LARGEST_BLOCK);
	}
	node = odf->spare;
	odf->spare += size;
	odf->nspare -= size;
	return node;
}

QlmOdf *
qlm_odf_create(void)
{
	QlmOdf	   *odf = palloc0(sizeof(QlmOdf));

	odf->block_size = FIRST_BLOCK;
	return odf;
}

QlmObject *
qlm_odf_add_object(QlmOdf *odf, QlmObject *parent, const char *id)
{
	QlmObject  *object = alloc_node(odf, sizeof(QlmObject));

	if (parent == NULL)
		parent = &odf->root;
	if (id != NULL)
		qlm_odf_add_id(odf, &object->ids, id);
	if (parent->last_object != NULL)
		parent->last_object->next = object;
	else
		parent->objects = object;
	parent->last_object = object;
	odf->nobjects++;
	return object;
}

QlmInfoItem *
qlm_odf_add_item(QlmOdf *odf, QlmObject *parent, const char *name)
{
	QlmInfoItem *item = alloc_node(odf, sizeof(QlmInfoItem));

	item->name = name;
	if (parent->last_item != NULL)
		parent->last_item->next = item;
	else
		parent->items = item;
	parent->last_item = item;
	odf->nitems++;
	return item;
}

QlmInfoItem *
qlm_odf_add_meta_data(QlmOdf *odf, QlmInfoItem *item, const char *name)
{
	QlmInfoItem *meta_data = alloc_node(odf, sizeof(QlmInfoItem));

	meta_data->name = name;
	meta_data->is_meta_data = true;
	item->has_meta_data = true;
	if (item->last_meta_data != NULL)
		item->last_meta_data->next = meta_data;
	else
		item->meta_data = meta_data;
	item->last_meta_data = meta_data;
	return meta_data;
}

QlmValue *
qlm_odf_new_value(QlmOdf *odf)
{
	return alloc_node(odf, sizeof(QlmValue));
}

QlmValue *
qlm_odf_add_value(QlmOdf *odf, QlmInfoItem *item, const char *text, int len)
{
	QlmValue   *value = qlm_odf_new_value(odf);

	value->text = text;
	value->len = len;
	qlm_odf_take_value(odf, item, value);
	return value;
}

QlmValue *
qlm_odf_copy_value(QlmOdf *odf, QlmInfoItem *item, const char *text, int len)
{
	QlmValue   *value;
	char	   *copy;

	if (len >= SHORT_TEXT)
		return qlm_odf_add_value(odf, item, pnstrdup(text, len), len);
	value = alloc_node(odf, sizeof(QlmValue) + len + 1);
	copy = (char *) (value + 1);
	memcpy(copy, text, len);
	value->text = copy;
	value->len = len;
	qlm_odf_take_value(odf, item, value);
	return value;
}

void
qlm_odf_take_value(QlmOdf *odf, QlmInfoItem *item, QlmValue *value)
{
	value->next = NULL;
	if (item->last_value != NULL)
		item->last_value->next = value;
	else
		item->values = value;
	item->last_value = value;
	item->nvalues++;
	if (!item->is_meta_data)
		odf->nvalues++;
}

QlmAttribute *
qlm_odf_add_attribute(QlmAttribute **list, const char *name, const char *value)
{
	QlmAttribute *attribute = palloc0(sizeof(QlmAttribute));

	attribute->name = name;
	attribute->value = value;
	while (*list != NULL)
		list = &(*list)->next;
	*list = attribute;
	return attribute;
}

QlmId *
qlm_odf_add_id(QlmOdf *odf, QlmId **list, const char *text)
{
	QlmId	   *id = alloc_node(odf, sizeof(QlmId));

	id->text = text;
	while (*list != NULL)
		list = &(*list)->next;
	*list = id;
	return id;
}

QlmDescription *
qlm_odf_add_description(QlmOdf *odf, QlmDescription **list,
						const char *lang, const char *text)
{
	QlmDescription *description = alloc_node(odf, sizeof(QlmDescription));

	description->lang = lang;
	description->text = text;
	while (*list != NULL)
		list = &(*list)->next;
	*list = description;
	return description;
}

QlmObject *
qlm_odf_find_object(const QlmObject *parent, const char *id)
{
	for (QlmObject *object = parent->objects; object; object = object->next)
		for (QlmId *other = object->ids; other; other = other->next)
			if (strcmp(other->text, id) == 0)
				return object;
	return NULL;
}

QlmInfoItem *
qlm_odf_find_item(const QlmObject *parent, const char *name)
{
	for (QlmInfoItem *item = parent->items; item; item = item->next)
		if (strcmp(item->name, name) == 0)
			return item;
	return NULL;
}

static void
drop_implied(QlmOdf *odf, QlmObject *object)
{
	QlmInfoItem **link = &object->items;

	object->last_item = NULL;
	while (*link != NULL)
	{
		QlmInfoItem *item = *link;

		if (item->is_implied && item->values == NULL)
		{
			*link = item->next;
			odf->nitems--;
			continue;
		}
		object->last_item = item;
		link = &item->next;
	}
	for (QlmObject *child = object->objects; child; child = child->next)
		drop_implied(odf, child);
}

void
qlm_odf_drop_implied(QlmOdf *odf)
{
	drop_implied(odf, &odf->root);
}

/*
 * A payload without namespace in an envelope with one must say so, since the
 * envelope's is the default; a document has no envelope around it.
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
 * Objects in a value bring the namespace that they were written in.  One of
 * O-DF gives way to that of the payload around them, which they inherit.
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
