/*
 * own_time.c
 *		Values with a time under a name that O-DF does not define.
 *
 * Such a value would get the time of receipt and become the newest one.
 * Attributes that may have another meaning are refused only if they contain a
 * time.
 */
#include "postgres.h"

#include "base/datetime.h"
#include "base/number.h"
#include "base/similar_name.h"
#include "message/parse/own_time.h"
#include "message/parse/parser.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "message/parse/unknown.h"

#define MIN_SECONDS 1e8			/* since 1970, of a number that is taken for a time */

static const char *const names[] = {"time", "timestamp", "ts", "date", NULL};

static const char *const other_names[] = {
	"epoch", "unix", "epochTime", "unixTimestamp", "dateTimeStamp",
	"observedAt", "measuredAt", "recordedAt", "phenomenonTime", "resultTime",
	"lastChanged", "lastUpdated", NULL
};

static const char *
find(const char *name, const char *const *known)
{
	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0)
			return known[i];
	return qlm_similar_name(name, known);
}

/* Is it a name of O-DF with one wrong letter? */
static bool
is_mistyped(const char *name)
{
	static const char *const known[] = {"dateTime", "unixTime"};

	for (int i = 0; i < lengthof(known); i++)
	{
		int			others = 0;

		if (strlen(name) != strlen(known[i]))
			continue;
		for (int j = 0; name[j] != '\0'; j++)
			others += pg_ascii_tolower((unsigned char) name[j]) !=
				pg_ascii_tolower((unsigned char) known[i][j]);
		if (others == 1)
			return true;
	}
	return false;
}

static bool
is_time(const char *text, int len)
{
	TimestampTz ts;
	double		number;

	return qlm_datetime_parse(text, len, &ts) ||
		(qlm_double_parse(text, len, &number) && number >= MIN_SECONDS);
}

/* Is this a time, under a name for one? */
bool
qlm_own_time_is(const char *name, const char *text, int len)
{
	return is_time(text, len) &&
		(find(name, names) != NULL || find(name, other_names) != NULL ||
		 is_mistyped(name));
}

/*
 * Returns the attribute of an InfoItem or Object that may be the time of its
 * values, or NULL.
 */
const char *
qlm_own_time_name(const QlmParser *p, const QlmXmlElement *element, bool of_item)
{
	static const char *const of_object[] = {"dateTime", "unixTime", NULL};
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];
		const char *name = !is_time(a->value, a->len) ? NULL :
			find(a->name, of_item ? names : of_object);

		if (name != NULL && !qlm_unknown_is_foreign(p, element, a))
			return name;
	}
	return NULL;
}

/* Called for elements that have neither dateTime nor unixTime. */
void
qlm_own_time_refuse(QlmParser *p, const QlmXmlElement *element)
{
	static const QlmFrame none;
	const QlmFrame *around = &none;

	if (p->level->request->verb == QLM_READ)
		return;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		if ((find(a->name, names) != NULL || qlm_own_time_is(a->name, a->value, a->len)) &&
			!qlm_unknown_is_foreign(p, element, a))
			qlm_parser_refuse(p, qlm_parser_line(p),
							  "The value has no dateTime and no unixTime, but an attribute %s: did you mean dateTime?",
							  qlm_parser_excerpt(p, a->name, strlen(a->name)));
	}
	for (int i = p->nframes - 2; i >= 0 && around->own_time == NULL; i--)
	{
		around = &p->frames[i];
		if (around->kind != QLM_FRAME_ITEM && around->kind != QLM_FRAME_OBJECT &&
			around->kind != QLM_FRAME_OBJECTS)
			return;
	}
	if (around->own_time != NULL)
		qlm_parser_refuse(p, qlm_parser_line(p),
						  "The value has no dateTime and no unixTime, but its %s the attribute %s: that belongs in the value, as its dateTime",
						  around->kind == QLM_FRAME_ITEM ? "InfoItem has" :
						  around->kind == QLM_FRAME_OBJECT ? "Object has" : "Objects have",
						  around->own_time);
}
