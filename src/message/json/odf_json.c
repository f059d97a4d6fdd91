/*
 * odf_json.c
 *		Prints O-DF trees as JSON.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/limits.h"
#include "json/json_valid.h"
#include "json/json_write.h"
#include "message/json/odf_json.h"
#include "message/parse/xml_events.h"
#include "xml/writer.h"

static void
open_object(StringInfo buf)
{
	appendStringInfoChar(buf, '{');
}

static void
close_object(StringInfo buf)
{
	appendStringInfoChar(buf, '}');
}

/* Begins and ends an array if there are several children. */
static void
open_children(StringInfo buf, const char *name, bool several)
{
	qlm_json_name(buf, name);
	if (several)
		appendStringInfoChar(buf, '[');
}

static void
close_children(StringInfo buf, bool several)
{
	if (several)
		appendStringInfoChar(buf, ']');
}

/* Leaves out what XML cannot represent, since an envelope may be converted. */
static void
print_attributes(StringInfo buf, const QlmAttribute *attribute)
{
	bool		opened = false;

	for (; attribute != NULL; attribute = attribute->next)
	{
		if (strncmp(attribute->name, "xmlns", 5) == 0 ||
			!qlm_xml_is_name(attribute->name))
			continue;
		if (!opened)
		{
			qlm_json_name(buf, "attributes");
			open_object(buf);
			opened = true;
		}
		qlm_json_member(buf, attribute->name, attribute->value);
	}
	if (opened)
		close_object(buf);
}

static void
print_id(StringInfo buf, const QlmId *id)
{
	if (id->id_type == NULL && id->tag_type == NULL && !id->has_start &&
		!id->has_end && id->attributes == NULL)
	{
		qlm_json_text(buf, id->text);
		return;
	}
	open_object(buf);
	qlm_json_member(buf, "idType", id->id_type);
	qlm_json_member(buf, "tagType", id->tag_type);
	qlm_json_time(buf, "startDate", id->has_start, id->start_date);
	qlm_json_time(buf, "endDate", id->has_end, id->end_date);
	print_attributes(buf, id->attributes);
	qlm_json_member(buf, "id", id->text);
	close_object(buf);
}

static void
print_ids(StringInfo buf, const char *name, const QlmId *ids)
{
	bool		several = ids != NULL && ids->next != NULL;

	if (ids == NULL)
		return;
	open_children(buf, name, several);
	for (const QlmId *id = ids; id != NULL; id = id->next)
	{
		if (id != ids)
			qlm_json_next(buf);
		print_id(buf, id);
	}
	close_children(buf, several);
}

static void
print_descriptions(StringInfo buf, const QlmDescription *descriptions)
{
	const QlmDescription *d = descriptions;
	bool		several = d != NULL && d->next != NULL;

	if (d == NULL)
		return;
	open_children(buf, "description", several);
	for (; d != NULL; d = d->next)
	{
		if (d != descriptions)
			qlm_json_next(buf);
		open_object(buf);
		qlm_json_member(buf, "lang", d->lang);
		print_attributes(buf, d->attributes);
		qlm_json_member(buf, "text", d->text != NULL ? d->text : "");
		close_object(buf);
	}
	close_children(buf, several);
}

/* Is it a numeric type of XML Schema, with the prefix xs: or another one? */
static bool
is_numeric_type(const char *type)
{
	static const char *const names[] = {
		"double", "float", "decimal", "integer", "int", "long", "short",
		"byte", "unsignedLong", "unsignedInt", "unsignedShort",
		"unsignedByte", "nonNegativeInteger", "positiveInteger",
		"nonPositiveInteger", "negativeInteger", NULL
	};

	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], type) == 0)
			return true;
	return false;
}

bool
qlm_odf_json_is_type(const char *type, int len)
{
	while (len > 0 && strchr(" \t\r\n", type[len - 1]) != NULL)
		len--;
	return len >= 4 && pg_strncasecmp(type + len - 4, "json", 4) == 0;
}

/*
 * Native JSON if type and text agree, so that exactly this text can be read
 * back
 */
static bool
is_native(const QlmValue *value)
{
	const char *type = value->type;
	const char *colon = type != NULL ? strchr(type, ':') : NULL;

	if (type == NULL || value->is_odf)
		return false;
	if (qlm_odf_json_is_type(type, strlen(type)))
		return qlm_json_is_valid(value->text, value->len, qlm_max_depth);
	if (colon != NULL)
		type = colon + 1;
	if (strcmp(type, "boolean") == 0)
		return strcmp(value->text, "true") == 0 ||
			strcmp(value->text, "false") == 0;
	return is_numeric_type(type) &&
		qlm_json_is_number(value->text, value->len);
}

/* Prints nested Objects, or other XML as text. */
static void
print_nested(StringInfo buf, const QlmValue *value)
{
	const QlmOdf *odf = qlm_odf_parse(value->text, value->len);

	if (odf != NULL)
		qlm_odf_json_print(buf, odf);
	else
		qlm_json_text_len(buf, value->text, value->len);
}

void
qlm_odf_json_print_value(StringInfo buf, const QlmValue *value)
{
	if (value->is_odf)
		print_nested(buf, value);
	else if (is_native(value))
		appendBinaryStringInfo(buf, value->text, value->len);
	else
		qlm_json_text_len(buf, value->text, value->len);
}

static void
print_value(StringInfo buf, const QlmValue *value)
{
	open_object(buf);
	qlm_json_member(buf, "type", value->type);
	qlm_json_time(buf, "dateTime", value->has_ts, value->ts);
	if (value->has_ts)
	{
		qlm_json_name(buf, "unixTime");
		qlm_unixtime_append(buf, value->ts, true);
	}
	print_attributes(buf, value->attributes);
	qlm_json_name(buf, "value");
	qlm_odf_json_print_value(buf, value);
	close_object(buf);
}

static void
print_values(StringInfo buf, const QlmValue *values)
{
	if (values == NULL)
		return;
	open_children(buf, "values", true);
	for (const QlmValue *value = values; value != NULL; value = value->next)
	{
		qlm_json_next(buf);
		print_value(buf, value);
	}
	close_children(buf, true);
}

static void print_items(StringInfo buf, const QlmInfoItem *items);

static void
print_item(StringInfo buf, const QlmInfoItem *item)
{
	open_object(buf);
	qlm_json_member(buf, "name", item->name);
	qlm_json_member(buf, "type", item->type);
	print_attributes(buf, item->attributes);
	print_ids(buf, "altname", item->alt_names);
	print_descriptions(buf, item->descriptions);
	if (item->has_meta_data || item->meta_data != NULL)
	{
		qlm_json_name(buf, "MetaData");
		open_object(buf);
		print_items(buf, item->meta_data);
		close_object(buf);
	}
	print_values(buf, item->values);
	close_object(buf);
}

static void
print_items(StringInfo buf, const QlmInfoItem *items)
{
	bool		several = items != NULL && items->next != NULL;

	if (items == NULL)
		return;
	open_children(buf, "InfoItem", several);
	for (const QlmInfoItem *item = items; item != NULL; item = item->next)
	{
		if (item != items)
			qlm_json_next(buf);
		print_item(buf, item);
	}
	close_children(buf, several);
}

static void print_objects(StringInfo buf, const QlmObject *objects);

static void
print_object(StringInfo buf, const QlmObject *object)
{
	open_object(buf);
	qlm_json_member(buf, "type", object->type);
	print_attributes(buf, object->attributes);
	print_ids(buf, "id", object->ids);
	print_descriptions(buf, object->descriptions);
	print_items(buf, object->items);
	print_objects(buf, object->objects);
	close_object(buf);
}

static void
print_objects(StringInfo buf, const QlmObject *objects)
{
	bool		several = objects != NULL && objects->next != NULL;

	if (objects == NULL)
		return;
	open_children(buf, "Object", several);
	for (const QlmObject *object = objects; object; object = object->next)
	{
		if (object != objects)
			qlm_json_next(buf);
		print_object(buf, object);
	}
	close_children(buf, several);
}

void
qlm_odf_json_print(StringInfo buf, const QlmOdf *odf)
{
	open_object(buf);
	qlm_json_name(buf, "Objects");
	print_object(buf, &odf->root);
	close_object(buf);
}

void
qlm_odf_json_print_object(StringInfo buf, const QlmObject *object)
{
	open_object(buf);
	qlm_json_name(buf, "Object");
	print_object(buf, object);
	close_object(buf);
}

void
qlm_odf_json_print_item(StringInfo buf, const QlmInfoItem *item)
{
	open_object(buf);
	qlm_json_name(buf, "InfoItem");
	print_item(buf, item);
	close_object(buf);
}
