/*
 * json.c
 *		JSON as a tree.
 */
#include "postgres.h"

#include "json/json.h"

bool
qlm_json_is_scalar(const QlmJson *json)
{
	return json->kind != QLM_JSON_OBJECT && json->kind != QLM_JSON_ARRAY;
}

const QlmJson *
qlm_json_find(const QlmJson *object, const char *name)
{
	if (object->kind != QLM_JSON_OBJECT)
		return NULL;
	for (const QlmJson *json = object->as.first; json; json = json->next)
		if (strcmp(json->name, name) == 0)
			return json;
	return NULL;
}
