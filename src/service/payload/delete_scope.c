/*
 * delete_scope.c
 *		What a delete means by the elements that it names, and which of them
 *		are ambiguous.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/path.h"
#include "service/payload/delete_scope.h"
#include "storage/peer/peer.h"

/* Does the InfoItem contain elements? */
static bool
item_has_parts(const QlmInfoItem *item)
{
	return item->alt_names || item->descriptions || item->has_meta_data ||
		item->values;
}

static bool
is_bare(const QlmInfoItem *item)
{
	return !item_has_parts(item) && item->type == NULL;
}

/* Returns why an InfoItem is ambiguous, or NULL. */
static const char *
item_problem(const QlmInfoItem *item)
{
	int			kinds = (item->alt_names != NULL) + (item->descriptions != NULL) +
		item->has_meta_data + (item->values != NULL);

	if (kinds > 1)
		return "names more than one of its other names, descriptions, MetaData and values: which are to go is clear only if each stands in an InfoItem element of its own";
	for (const QlmValue *value = item->values; value; value = value->next)
		if (!value->has_ts)
			return "names a value without dateTime or unixTime, which say which one is meant";
	for (const QlmInfoItem *m = item->meta_data; m; m = m->next)
		if (!is_bare(m))
			return psprintf("names a part of its MetaData %s, which can only be deleted as a whole: leave it empty",
							m->name);
	return NULL;
}

static bool
object_has_parts(const QlmObject *object)
{
	return object->ids->next || object->descriptions;
}

static const char *
object_problem(const QlmObject *object)
{
	if (!object_has_parts(object))
		return NULL;
	if (object->items || object->objects)
		return "names a further id or a description of its own beside InfoItems or Objects in it: which are to go is clear only if they stand in an Object element of their own";
	if (object->ids->next && object->descriptions)
		return "names a further id and a description: which are to go is clear only if each stands in an Object element of its own";
	return NULL;
}

typedef struct Check
{
	StringInfoData path;
	bool		has_window;		/* begin or end: only values are meant */
	bool		has_parts;
	const char *problem;
} Check;

static void
note(Check *check, bool has_parts, const char *problem)
{
	check->has_parts |= has_parts;
	if (problem == NULL && has_parts && check->has_window)
		problem = "names a part of it, but begin and end delete its values: leave it empty";
	if (problem != NULL && check->problem == NULL)
		check->problem = psprintf("\"%s\" %s", check->path.data, problem);
}

static void
check_object(Check *check, const QlmObject *object)
{
	int			len = check->path.len;

	check_stack_depth();
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(&check->path, item->name);
		note(check, item_has_parts(item), item_problem(item));
		check->path.len = len;
		check->path.data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(&check->path, child->ids->text);
		note(check, object_has_parts(child), object_problem(child));
		check_object(check, child);
		check->path.len = len;
		check->path.data[len] = '\0';
	}
}

static Check
check_request(const QlmRequest *request)
{
	Check		check = {.has_window = request->has_begin || request->has_end};

	initStringInfo(&check.path);
	check_object(&check, &request->odf->root);
	return check;
}

bool
qlm_delete_is_partial(const QlmRequest *request)
{
	return request->has_begin || request->has_end ||
		(request->odf != NULL && check_request(request).has_parts);
}

const char *
qlm_delete_problem(const QlmRequest *request)
{
	return check_request(request).problem;
}
