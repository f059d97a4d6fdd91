/*
 * answer_size.c
 *		Counts the size of an answer while its parts are selected, so that an
 *		answer that is too large is refused before it is built.
 *
 * The size counted is that of the XML that will be printed, or a little more;
 * JSON is not longer.  While it is built an answer takes about twice that
 * memory: once as structs, once as text.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/limits.h"
#include "storage/core/answer_size.h"

/* An element with its tags and times, and its struct */
#define VALUE_SIZE		96
#define NODE_SIZE		128
#define ESCAPED_SIZE	5		/* added by an escaped character like \u0001 */

/* Structs and text together take twice the size. */
#define MADE_TWICE		2

#define SMALL_ANSWER	(64 * 1024)

static Size answer_size = 0;	/* of the answer being built */
static Size all_size = 0;		/* of all answers since the room was set */
static Size all_room = SIZE_MAX;

void
qlm_answer_size_give_room(Size room)
{
	all_size = 0;
	all_room = room;
}

Size
qlm_answer_size_begin(void)
{
	Size		before = answer_size;

	answer_size = 0;
	return before;
}

Size
qlm_answer_size_get(void)
{
	return answer_size;
}

void
qlm_answer_size_set(Size size)
{
	answer_size = size;
}

static void
refuse_answer(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the answer is larger than the limit of %d bytes: ask for less with newest, begin and end, maxlevels or fewer InfoItems",
					qlm_max_answer_size),
			 errhint("The limit is the setting qlm.max_answer_size.")));
}

static void
refuse_for_now(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many large answers are on their way now, try again later")));
}

void
qlm_answer_size_add(Size size)
{
	answer_size += size;
	all_size += size;
	if (answer_size > (Size) qlm_max_answer_size)
		refuse_answer();
	if (all_size > all_room / MADE_TWICE && answer_size > SMALL_ANSWER)
		refuse_for_now();
}

static Size
escaped_size(const char *text, Size len)
{
	Size		n = 0;

	for (Size i = 0; i < len; i++)
	{
		unsigned char c = text[i];

		n += c < ' ' || c == '&' || c == '<' || c == '>' || c == '"' || c == '\\';
	}
	return len + n * ESCAPED_SIZE;
}

static Size
text_size(const char *text)
{
	return text ? escaped_size(text, strlen(text)) : 0;
}

void
qlm_answer_size_add_text(const char *text, Size len)
{
	qlm_answer_size_add(escaped_size(text, len));
}

static Size
attributes_size(const QlmAttribute *attribute)
{
	Size		size = 0;

	for (; attribute; attribute = attribute->next)
		size += VALUE_SIZE + text_size(attribute->name) + text_size(attribute->value);
	return size;
}

static Size
type_size(const char *type)
{
	return type ? text_size(type) : 0;
}

void
qlm_answer_size_add_value(const QlmValue *value, bool is_number)
{
	Size		size = VALUE_SIZE + type_size(value->type);

	size += is_number || value->is_odf ? value->len :
		escaped_size(value->text, value->len);
	if (value->attributes)
		size += attributes_size(value->attributes);
	qlm_answer_size_add(size);
}

static Size
ids_size(const QlmId *id)
{
	Size		size = 0;

	for (; id; id = id->next)
		size += NODE_SIZE + text_size(id->text) + text_size(id->id_type) +
			text_size(id->tag_type) + attributes_size(id->attributes);
	return size;
}

static Size
descriptions_size(const QlmDescription *description)
{
	Size		size = 0;

	for (; description; description = description->next)
		size += NODE_SIZE + text_size(description->text) +
			text_size(description->lang) + attributes_size(description->attributes);
	return size;
}

void
qlm_answer_size_add_object(const QlmObject *object)
{
	qlm_answer_size_add(NODE_SIZE + type_size(object->type) + ids_size(object->ids) +
						attributes_size(object->attributes) +
						descriptions_size(object->descriptions));
}

void
qlm_answer_size_add_item(const QlmInfoItem *item)
{
	qlm_answer_size_add(NODE_SIZE + text_size(item->name) + type_size(item->type) +
						ids_size(item->alt_names) + attributes_size(item->attributes) +
						descriptions_size(item->descriptions));
}

void
qlm_answer_size_add_meta_data(const QlmInfoItem *item)
{
	check_stack_depth();
	qlm_answer_size_add_item(item);
	for (const QlmValue *value = item->values; value; value = value->next)
		qlm_answer_size_add_value(value, false);
	for (const QlmInfoItem *meta = item->meta_data; meta; meta = meta->next)
		qlm_answer_size_add_meta_data(meta);
}
