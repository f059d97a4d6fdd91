/*
 * details.c
 *		Details: everything that describes a node except its values, as structs
 *		and as jsonb.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "storage/object/details.h"
#include "storage/object/details_hash.h"

static bool
is_given(const char *text)
{
	return text != NULL && *text != '\0';
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) key;
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token,
		  const char *text, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) text;
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

static void
push_member(JsonbParseState **state, const char *key, const char *text)
{
	if (!is_given(text))
		return;
	push_key(state, key);
	push_text(state, WJB_VALUE, text, strlen(text));
}

static void
push_time(JsonbParseState **state, const char *key, TimestampTz ts)
{
	char		buf[MAXDATELEN + 1];

	JsonEncodeDateTime(buf, TimestampTzGetDatum(ts), TIMESTAMPTZOID, NULL);
	push_member(state, key, pstrdup(buf));
}

static void
push_attributes(JsonbParseState **state, const char *key,
				const QlmAttribute *attributes)
{
	if (attributes == NULL)
		return;
	push_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (; attributes != NULL; attributes = attributes->next)
	{
		push_key(state, attributes->name);
		push_text(state, WJB_VALUE, attributes->value,
				  strlen(attributes->value));
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_descriptions(JsonbParseState **state, const QlmDescription *description)
{
	bool		any = false;

	for (; description != NULL; description = description->next)
	{
		if (!is_given(description->text))
			continue;
		if (!any)
		{
			push_key(state, "description");
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			any = true;
		}
		push_key(state, description->lang ? description->lang : "");
		if (description->attributes == NULL)
		{
			push_text(state, WJB_VALUE, description->text,
					  strlen(description->text));
			continue;
		}
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_member(state, "text", description->text);
		push_attributes(state, "attributes", description->attributes);
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	if (any)
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static bool
is_bare(const QlmId *id)
{
	return id->id_type == NULL && id->tag_type == NULL && !id->has_start &&
		!id->has_end && id->attributes == NULL;
}

static void
push_id(JsonbParseState **state, const QlmId *id)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_member(state, "id", id->text);
	push_member(state, "idType", id->id_type);
	push_member(state, "tagType", id->tag_type);
	if (id->has_start)
		push_time(state, "startDate", id->start_date);
	/* A time span that ends before it begins cannot be stored. */
	if (id->has_end && !(id->has_start && id->end_date < id->start_date))
		push_time(state, "endDate", id->end_date);
	push_attributes(state, "attributes", id->attributes);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_alt_names(JsonbParseState **state, const QlmId *name)
{
	if (name == NULL)
		return;
	push_key(state, "alt_names");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (; name != NULL; name = name->next)
	{
		if (!is_given(name->text))
			continue;
		if (is_bare(name))
			push_text(state, WJB_ELEM, name->text, strlen(name->text));
		else
			push_id(state, name);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* The first id is in the row of the Object, unless it has attributes. */
static void
push_ids(JsonbParseState **state, const QlmId *first)
{
	if (first->next == NULL && is_bare(first))
		return;
	push_key(state, "ids");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (const QlmId *id = first; id != NULL; id = id->next)
		if (is_given(id->text) && (id != first || !is_bare(id)))
			push_id(state, id);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* MetaData have one value: the newest, or the last of equally new ones. */
static const QlmValue *
newest_value(const QlmInfoItem *item)
{
	const QlmValue *newest = item->values;

	for (const QlmValue *value = newest; value != NULL; value = value->next)
		if (!value->has_ts || !newest->has_ts || value->ts >= newest->ts)
			newest = value;
	return newest;
}

/*
 * MetaData inside MetaData are part of a document, so they get the current
 * time here if they have none.  Others get it in the statement that stores
 * them.
 */
static void
push_value(JsonbParseState **state, const QlmValue *value, bool is_inner)
{
	JsonbValue	yes;

	if (value == NULL)
		return;
	push_key(state, "value");
	push_text(state, WJB_VALUE, value->text, value->len);
	push_member(state, "value_type", value->type);
	if (value->has_ts || is_inner)
		push_time(state, "ts", value->has_ts ? value->ts : GetCurrentTimestamp());
	if (value->is_odf)
	{
		yes.type = jbvBool;
		yes.val.boolean = true;
		push_key(state, "is_odf");
		pushJsonbValue(state, WJB_VALUE, &yes);
	}
	push_attributes(state, "value_attributes", value->attributes);
}

static JsonbValue *
push_item(JsonbParseState **state, const QlmInfoItem *item, bool is_inner)
{
	check_stack_depth();
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_member(state, "type", item->type);
	push_descriptions(state, item->descriptions);
	push_alt_names(state, item->alt_names);
	push_attributes(state, "attributes", item->attributes);
	if (item->is_meta_data)
		push_value(state, newest_value(item), is_inner);
	if (item->meta_data != NULL)
	{
		push_key(state, "meta_data");
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		for (QlmInfoItem *meta = item->meta_data; meta; meta = meta->next)
		{
			push_key(state, meta->name);
			push_item(state, meta, item->is_meta_data);
		}
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Datum
qlm_details_object_to_jsonb(const QlmObject *object)
{
	JsonbParseState *state = NULL;
	QlmDetailsParts parts;

	if (qlm_details_object_hash(object, &parts) == 0)
		return (Datum) 0;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_member(&state, "type", object->type);
	push_descriptions(&state, object->descriptions);
	push_attributes(&state, "attributes", object->attributes);
	push_ids(&state, object->ids);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state,
														   WJB_END_OBJECT,
														   NULL)));
}

Datum
qlm_details_item_to_jsonb(const QlmInfoItem *item)
{
	JsonbParseState *state = NULL;
	QlmDetailsParts parts;

	if (qlm_details_item_hash(item, &parts) == 0)
		return (Datum) 0;
	return JsonbPGetDatum(JsonbValueToJsonb(push_item(&state, item, false)));
}

Datum
qlm_details_attributes_to_jsonb(const QlmAttribute *attributes)
{
	JsonbParseState *state = NULL;

	if (attributes == NULL)
		return (Datum) 0;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (; attributes != NULL; attributes = attributes->next)
	{
		push_key(&state, attributes->name);
		push_text(&state, WJB_VALUE, attributes->value,
				  strlen(attributes->value));
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state,
														   WJB_END_OBJECT,
														   NULL)));
}

static Datum
member_of(Jsonb *document, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&document->root, key,
													 strlen(key), NULL);

	return value ? JsonbPGetDatum(JsonbValueToJsonb(value)) : (Datum) 0;
}

/* Like QLM_SQL_GIVEN_ATTRIBUTES: an empty document means none. */
static Datum
given_attributes(Jsonb *document)
{
	Datum		attributes = member_of(document, "attributes");
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	int			n = 0;

	if (attributes == (Datum) 0)
		return attributes;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	iterator = JsonbIteratorInit(&DatumGetJsonbP(attributes)->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.val.string.len == 0)
			continue;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
		n++;
	}
	key = *pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return n == 0 ? (Datum) 0 : JsonbPGetDatum(JsonbValueToJsonb(&key));
}

static void
split_document(Datum datum, const char *type, QlmDetailsColumns *columns)
{
	Jsonb	   *document;

	memset(columns, 0, sizeof(QlmDetailsColumns));
	if (datum == (Datum) 0)
		return;
	document = DatumGetJsonbP(datum);
	columns->type = is_given(type) ? type : NULL;
	columns->description = member_of(document, "description");
	columns->alt_names = member_of(document, "alt_names");
	columns->attributes = given_attributes(document);
}

void
qlm_details_object_columns(const QlmObject *object, QlmDetailsColumns *columns)
{
	split_document(qlm_details_object_to_jsonb(object), object->type, columns);
}

void
qlm_details_item_columns(const QlmInfoItem *item, QlmDetailsColumns *columns)
{
	split_document(qlm_details_item_to_jsonb(item), item->type, columns);
}
