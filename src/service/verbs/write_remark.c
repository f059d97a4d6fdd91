/*
 * write_remark.c
 *		The description in the answer to a write.
 *
 * There is none if everything was as expected.  Otherwise it is kept short:
 * the numbers of values, and the first InfoItems.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/datetime.h"
#include "service/payload/future_time.h"
#include "service/verbs/write_remark.h"

#define MAX_PATH_SHOWN 120

void
qlm_remark_count(QlmWrite *write, int elevel)
{
	qlm_future_count(write->odf, &write->counts);
	qlm_future_log(&write->counts, elevel);
}

static void
append_paths(StringInfo text, const QlmWriteCount *count)
{
	for (int i = 0; i < count->nnamed; i++)
	{
		const char *path = count->paths[i];
		int			len = strlen(path);
		int			shown = pg_mbcliplen(path, len, MAX_PATH_SHOWN);

		appendStringInfo(text, "%s%.*s%s", i == 0 ? ": " : ", ", shown, path,
						 shown < len ? "..." : "");
	}
	if (count->nnamed == QLM_WRITE_COUNT_NAMED && count->n > QLM_WRITE_COUNT_NAMED)
		appendStringInfoString(text, " ...");
}

/* Appends text like "2 values ...: D/x, D/y". */
static void
append_count(StringInfo text, const QlmWriteCount *count, const char *one,
			 const char *many)
{
	if (count->n == 0)
		return;
	if (text->len > 0)
		appendStringInfoString(text, "; ");
	appendStringInfo(text, INT64_FORMAT " %s", count->n, count->n == 1 ? one : many);
	append_paths(text, count);
}

static void
append_ahead(StringInfo text, const QlmWriteCounts *counts)
{
	if (counts->ahead.n == 0)
		return;
	append_count(text, &counts->ahead, "value is far ahead of the clock",
				 "values are far ahead of the clock");
	appendStringInfoString(text, ": no earlier value is the latest, nor an event if its time was given, until ");
	qlm_datetime_append(text, counts->latest);
}

const char *
qlm_remark_describe(const QlmWriteCounts *counts)
{
	StringInfoData text;

	if (counts->superseded.n + counts->replaced.n + counts->empty.n +
		counts->made.n + counts->ahead.n == 0)
		return NULL;
	initStringInfo(&text);
	append_count(&text, &counts->superseded,
				 "value was replaced by a later one of the message with the same InfoItem and time",
				 "values were replaced by later ones of the message with the same InfoItem and time");
	append_count(&text, &counts->replaced,
				 "stored value of the same time was replaced",
				 "stored values of the same times were replaced");
	append_count(&text, &counts->empty, "InfoItem or line had no value",
				 "InfoItems or lines had no value");
	append_count(&text, &counts->made,
				 "InfoItem was made in an Object that was there",
				 "InfoItems were made in Objects that were there");
	append_ahead(&text, counts);
	return text.data;
}
