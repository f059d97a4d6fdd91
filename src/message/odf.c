/*
 * odf.c
 *		Builds O-DF trees, and finds nodes in them.
 *
 * An envelope may contain a hundred thousand values, so nodes are allocated in
 * blocks.
 */
#include "postgres.h"

#include "message/odf.h"

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK 8192		/* still allocated within a memory context's block */
#define SHORT_TEXT 128			/* allocated in the same block as its value */

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
