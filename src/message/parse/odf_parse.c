/*
 * odf_parse.c
 *		The O-DF part of the parser: Objects and its contents.
 *
 * Elements match by local name and in any order.  An error invalidates the
 * verb that contains it, so that the answer can name the line.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/datetime_problem.h"
#include "base/limits.h"
#include "message/parse/capture.h"
#include "message/parse/odf_parse.h"
#include "message/parse/own_time.h"
#include "message/parse/parser.h"
#include "message/parse/parser_text.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "message/parse/unknown.h"

static bool
is_named(const QlmXmlAttribute *attribute, const char *name)
{
	return strcmp(attribute->name, name) == 0;
}

static const char *
trimmed_or_null(QlmParser *p, const QlmXmlAttribute *attribute)
{
	const char *text = qlm_parser_trim(p, attribute->value, attribute->len);

	return text[0] != '\0' ? text : NULL;
}

/*
 * Keeps an attribute that O-DF does not define.  xml:* attributes are not
 * kept; of two with the same local name the first one counts.
 */
static void
keep_attribute(QlmParser *p, QlmAttribute **list,
			   const QlmXmlElement *element, int i)
{
	const QlmXmlAttribute *attribute = &element->attributes[i];

	if (attribute->prefix != NULL && strcmp(attribute->prefix, "xml") == 0)
		return;
	if (!qlm_unknown_attribute(p, &p->frames[p->nframes - 1], element, attribute))
		return;
	for (QlmAttribute *other = *list; other != NULL; other = other->next)
		if (strcmp(other->name, attribute->name) == 0)
			return;
	qlm_odf_add_attribute(list,
						  qlm_parser_strdup(p, attribute->name,
											strlen(attribute->name)),
						  qlm_parser_strdup(p, attribute->value,
											attribute->len));
}

static void
refuse_time(QlmParser *p, const QlmXmlAttribute *attribute, const char *problem)
{
	qlm_parser_refuse(p, qlm_parser_line(p), "%s is \"%s\", %s", attribute->name,
					  qlm_parser_excerpt(p, attribute->value, attribute->len),
					  problem);
}

static bool
read_date(QlmParser *p, const QlmXmlAttribute *attribute, TimestampTz *ts)
{
	if (qlm_datetime_parse(attribute->value, attribute->len, ts))
		return true;
	refuse_time(p, attribute,
				qlm_datetime_problem(attribute->value, attribute->len));
	return false;
}

static bool
check_name(QlmParser *p, int len, int line, const char *what)
{
	if (len <= QLM_MAX_NAME)
		return true;
	qlm_parser_refuse(p, line, "The %s is longer than %d bytes", what,
					  QLM_MAX_NAME);
	return false;
}

static bool
count_node(QlmParser *p)
{
	if (++p->nnodes <= qlm_max_values)
		return true;
	qlm_parser_fail(p, 413, "The message has more than %d Objects and InfoItems",
					qlm_max_values);
	return false;
}

void
qlm_odf_parse_objects(QlmParser *p, const QlmXmlElement *element, QlmOdf *odf)
{
	QlmFrame   *frame = qlm_parser_push(p, QLM_FRAME_OBJECTS, false);

	frame->as.object = &odf->root;
	if (odf->root.line == 0)
		odf->root.line = frame->line;
	p->odf = odf;
	p->odf_uri = element->uri == NULL ? NULL :
		qlm_parser_strdup(p, element->uri, strlen(element->uri));
	for (int i = 0; i < element->nattributes; i++)
		if (!is_named(&element->attributes[i], "version"))
			keep_attribute(p, &odf->root.attributes, element, i);
	if (odf->root.attributes != NULL)
		frame->own_time = qlm_own_time_name(p, element, false);
}

static void
start_object(QlmParser *p, QlmObject *parent, const QlmXmlElement *element)
{
	QlmObject  *object;
	QlmFrame   *frame;

	if (!count_node(p))
		return;
	object = qlm_odf_add_object(p->odf, parent, NULL);
	frame = qlm_parser_push(p, QLM_FRAME_OBJECT, false);
	object->line = frame->line;
	frame->as.object = object;
	frame->last_id = &object->ids;
	frame->last_description = &object->descriptions;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_named(a, "type"))
			object->type = trimmed_or_null(p, a);
		else
			keep_attribute(p, &object->attributes, element, i);
	}
	if (object->attributes != NULL)
		frame->own_time = qlm_own_time_name(p, element, false);
}

/* The parent is an InfoItem inside MetaData, else an Object. */
static void
start_item(QlmParser *p, QlmObject *object, QlmInfoItem *parent,
		   const QlmXmlElement *element)
{
	QlmInfoItem *item;
	QlmFrame   *frame;

	if (!count_node(p))
		return;
	if (parent != NULL)
		item = qlm_odf_add_meta_data(p->odf, parent, "");
	else
		item = qlm_odf_add_item(p->odf, object, "");
	frame = qlm_parser_push(p, QLM_FRAME_ITEM, false);
	item->line = frame->line;
	frame->as.item = item;
	frame->last_id = &item->alt_names;
	frame->last_description = &item->descriptions;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_named(a, "name"))
			item->name = qlm_parser_trim(p, a->value, a->len);
		else if (is_named(a, "type"))
			item->type = trimmed_or_null(p, a);
		else
			keep_attribute(p, &item->attributes, element, i);
	}
	if (item->attributes != NULL)
		frame->own_time = qlm_own_time_name(p, element, true);
	if (item->name[0] == '\0')
		qlm_parser_refuse(p, item->line, "An InfoItem has no name");
	else
		check_name(p, strlen(item->name), item->line, "name of an InfoItem");
}

/* Begins an id or another name.  It is added at its end, as it may be empty. */
static void
start_id(QlmParser *p, QlmFrameKind kind, const QlmXmlElement *element)
{
	QlmId	   *list = NULL;
	QlmId	   *id = qlm_odf_add_id(p->odf, &list, "");

	qlm_parser_push(p, kind, true)->as.id = id;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_named(a, "idType"))
			id->id_type = trimmed_or_null(p, a);
		else if (is_named(a, "tagType"))
			id->tag_type = trimmed_or_null(p, a);
		else if (p->level->request->verb == QLM_DELETE &&
				 (is_named(a, "startDate") || is_named(a, "endDate")))
			qlm_parser_refuse(p, qlm_parser_line(p),
							  "%s of an id does not narrow a delete down: begin and end of the delete do",
							  a->name);
		else if (is_named(a, "startDate"))
			id->has_start = read_date(p, a, &id->start_date);
		else if (is_named(a, "endDate"))
			id->has_end = read_date(p, a, &id->end_date);
		else
			keep_attribute(p, &id->attributes, element, i);
	}
}

/*
 * The reference node sends empty other names as stubs.  They mean nothing, but
 * in a delete such a name would keep the InfoItem from being deleted.
 */
static void
end_id(QlmParser *p, QlmFrame *frame, QlmFrame *parent)
{
	QlmId	   *id = frame->as.id;
	int			len;

	id->text = qlm_parser_take_trimmed(p, &len);
	if (len == 0)
	{
		if (frame->kind == QLM_FRAME_ID)
			qlm_parser_refuse(p, frame->line, "An id is empty");
		else if (p->level->request->verb == QLM_DELETE)
			qlm_parser_refuse(p, frame->line, "An other name is empty");
		return;
	}
	check_name(p, len, frame->line,
			   frame->kind == QLM_FRAME_ID ? "id" : "other name");
	*parent->last_id = id;
	parent->last_id = &id->next;
}

static void
start_description(QlmParser *p, QlmFrame *parent, const QlmXmlElement *element)
{
	QlmDescription *description;

	description = qlm_odf_add_description(p->odf, parent->last_description,
										  NULL, "");
	parent->last_description = &description->next;
	qlm_parser_push(p, QLM_FRAME_DESCRIPTION, true)->as.description =
		description;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_named(a, "lang"))
			description->lang = trimmed_or_null(p, a);
		else
			keep_attribute(p, &description->attributes, element, i);
	}
}

/* A pretty-printed stub contains only white space. */
static void
end_description(QlmParser *p, QlmDescription *description)
{
	int			len;
	char	   *text = qlm_parser_take_text(p, &len);

	if (!qlm_parser_is_blank(text, len))
		description->text = text;
}

/* In most envelopes the type is that of the value before, so it is shared. */
static const char *
value_type(QlmParser *p, const QlmXmlAttribute *attribute)
{
	const char *last = p->last_type;

	if (last == NULL || strncmp(last, attribute->value, attribute->len) != 0 ||
		last[attribute->len] != '\0')
	{
		last = qlm_parser_trim(p, attribute->value, attribute->len);
		p->last_type = last;
	}
	if (last[0] == '\0' || strcmp(last, "xs:string") == 0)
		return NULL;
	return last;
}

static void
start_value(QlmParser *p, const QlmXmlElement *element)
{
	QlmValue   *value;
	TimestampTz ts;
	bool		has_date_time = false;

	if (++p->nvalues > qlm_max_values)
	{
		qlm_parser_fail(p, 413, "The message has more than %d values",
						qlm_max_values);
		return;
	}
	value = qlm_odf_new_value(p->odf);
	p->frames[p->nframes - 1].nvalues++;
	qlm_parser_push(p, QLM_FRAME_VALUE, true)->as.value = value;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if (is_named(a, "type"))
			value->type = value_type(p, a);
		else if (is_named(a, "dateTime"))
		{
			has_date_time = read_date(p, a, &value->ts);
			value->has_ts |= has_date_time;
		}
		else if (!is_named(a, "unixTime"))
			keep_attribute(p, &value->attributes, element, i);
		else if (!qlm_unixtime_parse(a->value, a->len, &ts))
			refuse_time(p, a, qlm_unixtime_problem(a->value, a->len));
		else if (!has_date_time)
		{
			value->has_ts = true;
			value->ts = ts;
		}
	}
	if (value->has_ts)
		p->odf->latest = Max(p->odf->latest, value->ts);
	else
		qlm_own_time_refuse(p, element);
}

/* A value is added at its end, as it may be null in JSON. */
static void
end_value(QlmParser *p, const QlmFrame *frame, QlmInfoItem *item)
{
	QlmValue   *value = frame->as.value;

	if (p->capturing)
	{
		value->text = qlm_parser_captured(p, &value->len);
		value->is_odf = true;
	}
	else
		value->text = qlm_parser_take_text(p, &value->len);
	if (frame->is_nothing)
		item->nempty++;
	else
		qlm_odf_take_value(p->odf, item, value);
}

static void
start_in_object(QlmParser *p, QlmFrame *frame, const QlmXmlElement *element)
{
	const char *name = element->name;

	if (strcmp(name, "InfoItem") == 0)
		start_item(p, frame->as.object, NULL, element);
	else if (strcmp(name, "Object") == 0)
		start_object(p, frame->as.object, element);
	else if (strcmp(name, "id") == 0)
		start_id(p, QLM_FRAME_ID, element);
	else if (strcmp(name, "description") == 0)
		start_description(p, frame, element);
	else
		qlm_unknown_element(p, frame, element);
}

static void
start_in_item(QlmParser *p, QlmFrame *frame, const QlmXmlElement *element)
{
	QlmInfoItem *item = frame->as.item;
	const char *name = element->name;

	if (strcmp(name, "value") == 0)
		start_value(p, element);
	else if (strcmp(name, "MetaData") == 0)
	{
		QlmFrame   *meta_data = qlm_parser_push(p, QLM_FRAME_META_DATA, false);

		item->has_meta_data = true;
		meta_data->as.item = item;
		qlm_unknown_plain(p, meta_data, element);
	}
	else if (strcmp(name, "description") == 0)
		start_description(p, frame, element);
	else if (strcmp(name, "name") == 0 || strcmp(name, "altname") == 0 ||
			 strcmp(name, "altName") == 0)
		start_id(p, QLM_FRAME_ALT_NAME, element);
	else
		qlm_unknown_element(p, frame, element);
}

void
qlm_odf_parse_start(QlmParser *p, QlmFrame *frame,
					const QlmXmlElement *element)
{
	const char *name = element->name;

	switch (frame->kind)
	{
		case QLM_FRAME_ITEM:
			start_in_item(p, frame, element);
			return;
		case QLM_FRAME_OBJECT:
			start_in_object(p, frame, element);
			return;
		case QLM_FRAME_OBJECTS:
			if (strcmp(name, "Object") == 0)
			{
				start_object(p, frame->as.object, element);
				return;
			}
			if (strcmp(name, "InfoItem") == 0)
			{
				qlm_parser_refuse(p, qlm_parser_line(p),
								  "An InfoItem stands outside of any Object");
				p->skip = 1;
				return;
			}
			break;
		case QLM_FRAME_META_DATA:
			if (strcmp(name, "InfoItem") == 0)
			{
				start_item(p, NULL, frame->as.item, element);
				return;
			}
			break;
		case QLM_FRAME_VALUE:
			qlm_parser_capture(p, element, p->odf_uri, true);
			return;
		default:
			break;
	}
	qlm_unknown_element(p, frame, element);
}

void
qlm_odf_parse_end(QlmParser *p, QlmFrame *frame)
{
	/* the frame was popped, so its parent is now on top */
	QlmFrame   *parent = &p->frames[p->nframes - 1];

	switch (frame->kind)
	{
		case QLM_FRAME_VALUE:
			end_value(p, frame, parent->as.item);
			break;
		case QLM_FRAME_OBJECT:
			if (frame->as.object->ids == NULL)
				qlm_parser_refuse(p, frame->line, "An Object has no id");
			break;
		case QLM_FRAME_ID:
		case QLM_FRAME_ALT_NAME:
			end_id(p, frame, parent);
			break;
		case QLM_FRAME_DESCRIPTION:
			end_description(p, frame->as.description);
			break;
		default:
			break;
	}
}
