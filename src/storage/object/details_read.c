/*
 * details_read.c
 *		Reads the details of a node from jsonb into structs.
 *
 * Users may write these columns, so anything of an unexpected form is ignored.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/object/details_read.h"

static char *
string_of(const JsonbValue *value)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	return NULL;
}

static bool
find_member(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key),
										value) != NULL;
}

static char *
text_member(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return find_member(object, key, &value) ? string_of(&value) : NULL;
}

/* Returns an object or array that is a member of an object, or NULL. */
static JsonbContainer *
container_member(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	if (!find_member(object, key, &value) || value.type != jbvBinary)
		return NULL;
	return value.val.binary.data;
}

static bool
time_member(JsonbContainer *object, const char *key, TimestampTz *ts)
{
	char	   *text = text_member(object, key);

	if (text == NULL)
		return false;
	*ts = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												  CStringGetDatum(text),
												  ObjectIdGetDatum(InvalidOid),
												  Int32GetDatum(-1)));
	return true;
}

static QlmAttribute *
read_attributes(JsonbContainer *object)
{
	QlmAttribute *list = NULL;
	QlmAttribute **tail = &list;
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (object == NULL || !JsonContainerIsObject(object))
		return NULL;
	it = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;
		char	   *text;

		if (token != WJB_KEY)
			continue;
		name = string_of(&value);
		JsonbIteratorNext(&it, &value, true);
		text = string_of(&value);
		if (text != NULL)
			tail = &qlm_odf_add_attribute(tail, name, text)->next;
	}
	return list;
}

static void
read_descriptions(QlmOdf *odf, JsonbContainer *object, QlmDescription **list)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (object == NULL || !JsonContainerIsObject(object))
		return;
	it = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		QlmDescription *description;
		QlmAttribute *attributes = NULL;
		char	   *lang;
		char	   *text;

		if (token != WJB_KEY)
			continue;
		lang = string_of(&value);
		JsonbIteratorNext(&it, &value, true);
		text = string_of(&value);
		if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		{
			text = text_member(value.val.binary.data, "text");
			attributes = read_attributes(container_member(value.val.binary.data,
														  "attributes"));
		}
		if (text == NULL)
			continue;
		description = qlm_odf_add_description(odf, list,
											  *lang ? lang : NULL, text);
		description->attributes = attributes;
		list = &description->next;
	}
}

static QlmId *
read_id(QlmOdf *odf, const JsonbValue *value, QlmId **list)
{
	char	   *text = string_of(value);
	JsonbContainer *object;
	QlmId	   *id;

	if (text != NULL)
		return qlm_odf_add_id(odf, list, text);
	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		return NULL;
	object = value->val.binary.data;
	text = text_member(object, "id");
	if (text == NULL)
		return NULL;
	id = qlm_odf_add_id(odf, list, text);
	id->id_type = text_member(object, "idType");
	id->tag_type = text_member(object, "tagType");
	id->has_start = time_member(object, "startDate", &id->start_date);
	id->has_end = time_member(object, "endDate", &id->end_date);
	id->attributes = read_attributes(container_member(object, "attributes"));
	return id;
}

static void
read_ids(QlmOdf *odf, JsonbContainer *array, QlmId **list)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (array == NULL || !JsonContainerIsArray(array))
		return;
	it = JsonbIteratorInit(array);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		QlmId	   *id = NULL;

		if (token == WJB_ELEM)
			id = read_id(odf, &value, list);
		if (id != NULL)
			list = &id->next;
	}
}

static void
read_value(QlmOdf *odf, JsonbContainer *document, QlmInfoItem *item)
{
	char	   *text = text_member(document, "value");
	QlmValue   *value;
	JsonbValue	flag;

	if (text == NULL)
		return;
	value = qlm_odf_add_value(odf, item, text, strlen(text));
	value->type = text_member(document, "value_type");
	value->has_ts = time_member(document, "ts", &value->ts);
	value->is_odf = find_member(document, "is_odf", &flag) &&
		flag.type == jbvBool && flag.val.boolean;
	value->attributes = read_attributes(container_member(document,
														 "value_attributes"));
}

static void
read_meta_data(QlmOdf *odf, JsonbContainer *document, const char *name,
			   QlmInfoItem *parent)
{
	QlmInfoItem *item = qlm_odf_add_meta_data(odf, parent, name);
	JsonbContainer *nested = container_member(document, "meta_data");
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	check_stack_depth();
	item->type = text_member(document, "type");
	read_ids(odf, container_member(document, "alt_names"), &item->alt_names);
	read_descriptions(odf, container_member(document, "description"),
					  &item->descriptions);
	item->attributes = read_attributes(container_member(document, "attributes"));
	read_value(odf, document, item);

	if (nested == NULL || !JsonContainerIsObject(nested))
		return;
	it = JsonbIteratorInit(nested);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = string_of(&value);
		JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvBinary &&
			JsonContainerIsObject(value.val.binary.data))
			read_meta_data(odf, value.val.binary.data, key, item);
	}
}

QlmAttribute *
qlm_details_read_attributes(Jsonb *attributes)
{
	return read_attributes(&attributes->root);
}

void
qlm_details_read_descriptions(QlmOdf *odf, Jsonb *description,
							  QlmDescription **list)
{
	read_descriptions(odf, &description->root, list);
}

void
qlm_details_read_ids(QlmOdf *odf, Jsonb *ids, QlmId **list)
{
	read_ids(odf, &ids->root, list);
}

void
qlm_details_read_meta_data(QlmOdf *odf, Jsonb *document, const char *name,
						   QlmInfoItem *item)
{
	if (JsonContainerIsObject(&document->root))
		read_meta_data(odf, &document->root, name, item);
}
