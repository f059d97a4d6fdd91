/*
 * details_hash.c
 *		A hash of the details of a node.
 *
 * Devices repeat details with each value.  The hash shows at once that they
 * are not new.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "storage/object/details_hash.h"

static uint64
add_bytes(uint64 hash, const void *bytes, int len)
{
	return hash_bytes_extended(bytes, len, hash + 1);
}

static uint64
add_text(uint64 hash, const char *text)
{
	if (text == NULL)
		return hash_combine64(hash, 1);
	return add_bytes(hash, text, strlen(text));
}

static uint64
add_attributes(uint64 hash, const QlmAttribute *attributes)
{
	for (; attributes != NULL; attributes = attributes->next)
	{
		hash = add_text(hash, attributes->name);
		hash = add_text(hash, attributes->value);
	}
	return hash;
}

static uint64
add_descriptions(uint64 hash, const QlmDescription *description)
{
	for (; description != NULL; description = description->next)
	{
		if (description->text == NULL || *description->text == '\0')
			continue;
		hash = add_text(hash, description->lang);
		hash = add_text(hash, description->text);
		hash = add_attributes(hash, description->attributes);
	}
	return hash;
}

static bool
is_bare(const QlmId *id)
{
	return id->id_type == NULL && id->tag_type == NULL && !id->has_start &&
		!id->has_end && id->attributes == NULL;
}

static uint64
add_ids(uint64 hash, const QlmId *id)
{
	for (; id != NULL; id = id->next)
	{
		hash = add_text(hash, id->text);
		if (is_bare(id))
			continue;
		hash = add_text(hash, id->id_type);
		hash = add_text(hash, id->tag_type);
		if (id->has_start)
			hash = add_bytes(hash, &id->start_date, sizeof(TimestampTz));
		if (id->has_end)
			hash = add_bytes(hash, &id->end_date, sizeof(TimestampTz)) + 1;
		hash = add_attributes(hash, id->attributes);
	}
	return hash;
}

static uint64
add_values(uint64 hash, const QlmValue *value)
{
	for (; value != NULL; value = value->next)
	{
		hash = add_bytes(hash, value->text, value->len);
		hash = add_text(hash, value->type);
		if (value->has_ts)
			hash = add_bytes(hash, &value->ts, sizeof(TimestampTz));
		hash = hash_combine64(hash, value->is_odf);
		hash = add_attributes(hash, value->attributes);
	}
	return hash;
}

static uint64
add_meta_data(uint64 hash, const QlmInfoItem *item)
{
	check_stack_depth();
	for (; item != NULL; item = item->next)
	{
		hash = add_text(hash, item->name);
		hash = add_text(hash, item->type);
		hash = add_ids(hash, item->alt_names);
		hash = add_descriptions(hash, item->descriptions);
		hash = add_attributes(hash, item->attributes);
		hash = add_values(hash, item->values);
		hash = add_meta_data(hash_combine64(hash, 2), item->meta_data);
	}
	return hash_combine64(hash, 3);
}

uint64
qlm_details_object_hash(const QlmObject *object, QlmDetailsParts *parts)
{
	const QlmId *ids = object->ids;
	uint64		hash = 0;

	parts->columns = object->type != NULL || object->descriptions != NULL ||
		object->attributes != NULL;
	parts->ids = ids->next != NULL || !is_bare(ids);
	parts->meta_data = false;
	if (!parts->columns && !parts->ids)
		return 0;
	hash = add_text(hash, object->type);
	hash = add_descriptions(hash, object->descriptions);
	hash = add_attributes(hash, object->attributes);
	if (parts->ids)
		hash = add_ids(hash, ids);
	return hash == 0 ? 1 : hash;
}

uint64
qlm_details_item_hash(const QlmInfoItem *item, QlmDetailsParts *parts)
{
	uint64		hash = 0;

	parts->columns = item->type != NULL || item->descriptions != NULL ||
		item->attributes != NULL || item->alt_names != NULL;
	parts->ids = false;
	parts->meta_data = item->meta_data != NULL;
	if (!parts->columns && !parts->meta_data)
		return 0;
	hash = add_text(hash, item->type);
	hash = add_ids(hash, item->alt_names);
	hash = add_descriptions(hash, item->descriptions);
	hash = add_attributes(hash, item->attributes);
	if (parts->meta_data)
		hash = add_meta_data(hash, item->meta_data);
	return hash == 0 ? 1 : hash;
}
