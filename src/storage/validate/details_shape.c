/*
 * details_shape.c
 *		Checks the shape of details that SQL writes: details of another shape
 *		would not appear in envelopes, or make them invalid.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "base/excerpt.h"
#include "storage/validate/details_shape.h"
#include "xml/writer.h"

static void
refuse(const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has a form that messages cannot represent", what),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/*
 * Returns the attribute names that elements of a table already use, or never
 * have; NULL: none
 */
static const char *const *
taken_names(const char *table, const char *column)
{
	static const char *const of_object[] = {"id", "type", NULL};
	static const char *const of_item[] = {"name", "type", "value", "dateTime", "unixTime", NULL};
	static const char *const of_value[] = {"value", "type", "dateTime", "unixTime", NULL};

	if (strcmp(table, "object") == 0)
		return of_object;
	if (strcmp(table, "object_id") == 0)
		return NULL;
	if (strcmp(table, "info_item") == 0 ||
		(strcmp(table, "meta_data") == 0 && strcmp(column, "attributes") == 0))
		return of_item;
	return of_value;
}

#define ATTRIBUTES_HINT "Attributes are an object of texts, as in {\"owner\": \"lab\"}."

static void
require_attributes(JsonbContainer *object, const char *const *taken, const char *what)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	if (!JsonContainerIsObject(object))
		refuse(what, "It is no object.", ATTRIBUTES_HINT);
	it = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (!qlm_xml_is_name(name) || is_one_of(name, taken))
			refuse(what, psprintf("An attribute cannot be called \"%s\".", qlm_excerpt(name, -1)),
				   ATTRIBUTES_HINT);
		JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvString)
			refuse(what, psprintf("The attribute \"%s\" is not a text.", name), ATTRIBUTES_HINT);
	}
}

/* Requires a text, or an object with its text in a member and attributes. */
static void
require_text(const JsonbValue *value, const char *member, const char *what, const char *hint)
{
	JsonbContainer *object;
	JsonbValue	part;

	if (value->type == jbvString)
		return;
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		refuse(what, "One of its parts is neither a text nor an object.", hint);
	object = value->val.binary.data;
	if (getKeyJsonValueFromContainer(object, member, strlen(member), &part) == NULL ||
		part.type != jbvString)
		refuse(what, psprintf("An object in it has no text \"%s\".", member), hint);
	if (getKeyJsonValueFromContainer(object, "attributes", strlen("attributes"), &part) == NULL)
		return;
	if (part.type != jbvBinary)
		refuse(what, "Its attributes are not an object.", hint);
	require_attributes(part.val.binary.data, NULL, what);
}

/* Requires that a member that holds a time is valid. */
static void
require_time(JsonbContainer *object, const char *member, const char *what)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object, member, strlen(member), &value) == NULL)
		return;
	if (value.type != jbvString)
		refuse(what, psprintf("\"%s\" in it is not a text.", member),
			   "Times are texts, as in \"2024-05-01T10:00:00Z\".");
	DirectFunctionCall3(timestamptz_in,
						CStringGetDatum(pnstrdup(value.val.string.val, value.val.string.len)),
						ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

#define NAMES_HINT "Other names are an array, as in [\"temp\"]."
#define DESCRIPTION_HINT "A description is an object of texts by language, as in {\"\": \"Inside\", \"de\": \"Innen\"}."

static void
require_parts(JsonbContainer *container, bool is_array, const char *what)
{
	const char *hint = is_array ? NAMES_HINT : DESCRIPTION_HINT;
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	value;
	JsonbIteratorToken token;

	if (is_array != (JsonContainerIsArray(container) && !JsonContainerIsScalar(container)) ||
		(!is_array && !JsonContainerIsObject(container)))
		refuse(what, is_array ? "It is no array." : "It is no object.", hint);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM || token == WJB_VALUE)
		{
			require_text(&value, is_array ? "id" : "text", what, hint);
			if (!is_array || value.type != jbvBinary)
				continue;
			require_time(value.val.binary.data, "startDate", what);
			require_time(value.val.binary.data, "endDate", what);
		}
}

void
qlm_details_shape_require(const char *table, const char *column, Datum value,
						  const char *what)
{
	JsonbContainer *root = &DatumGetJsonbP(value)->root;

	if (strcmp(column, "attributes") == 0 || strcmp(column, "value_attributes") == 0)
		require_attributes(root, taken_names(table, column), what);
	else if (strcmp(column, "alt_names") == 0)
		require_parts(root, true, what);
	else if (strcmp(column, "description") == 0)
		require_parts(root, false, what);
}
