/*
 * future_time.c
 *		Values with a time in the future.
 *
 * A device that sends milliseconds as unixTime means, to the protocol, the
 * year 56302. No later value would ever be the newest again.  Each tree knows
 * its latest time, so an envelope without such values costs nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "base/limits.h"
#include "base/path.h"
#include "service/payload/future_time.h"
#include "storage/peer/peer.h"

/* Each path is logged once in this time. */
#define LOGGED_FOR	USECS_PER_HOUR
#define MAX_LOGGED	256

/* Before that no device had a clock that counts in such a unit. */
#define FIRST_YEAR	(INT64CONST(-3652) * USECS_PER_DAY) /* 1990-01-01 */

typedef struct Search
{
	TimestampTz limit;
	StringInfoData path;
	const QlmInfoItem *meta_data;	/* the InfoItem of MetaData; NULL: that of the path */
	const QlmValue *value;		/* NULL: none found */
	QlmWriteCounts *counts;		/* counts all of them; NULL: stop at the first */
} Search;

static void
count_value(Search *search, const QlmValue *value)
{
	QlmWriteCounts *counts = search->counts;
	const char *path = search->path.data;

	if (counts->ahead.nnamed == QLM_WRITE_COUNT_NAMED)
		path = NULL;
	else if (search->meta_data != NULL)
		path = psprintf("MetaData %s of %s", search->meta_data->name, path);
	qlm_write_count_add(&counts->ahead, 1, path);
	counts->latest = counts->ahead.n == 1 ? value->ts :
		Max(counts->latest, value->ts);
}

static bool
find_in_values(Search *search, const QlmInfoItem *item)
{
	for (const QlmValue *value = item->values; value; value = value->next)
	{
		if (!value->has_ts || value->ts <= search->limit)
			continue;
		if (search->counts == NULL)
		{
			search->value = value;
			return true;
		}
		count_value(search, value);
	}
	return false;
}

static bool
find_in_meta_data(Search *search, const QlmInfoItem *item)
{
	check_stack_depth();
	for (const QlmInfoItem *m = item->meta_data; m != NULL; m = m->next)
	{
		search->meta_data = m;
		if (find_in_values(search, m) || find_in_meta_data(search, m))
			return true;
	}
	search->meta_data = NULL;
	return false;
}

static bool
find_in_object(Search *search, const QlmObject *object)
{
	int			len = search->path.len;

	check_stack_depth();
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(&search->path, item->name);
		if (find_in_values(search, item) || find_in_meta_data(search, item))
			return true;
		search->path.len = len;
		search->path.data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(&search->path, child->ids->text);
		if (find_in_object(search, child))
			return true;
		search->path.len = len;
		search->path.data[len] = '\0';
	}
	return false;
}

/*
 * Mentions the time that the number would mean in a smaller unit than seconds.
 */
static void
append_unit(StringInfo text, TimestampTz ts, TimestampTz limit)
{
	static const struct
	{
		const char *name;
		int64		per_second;
	}			units[] = {
		{"milliseconds", 1000}, {"microseconds", 1000000}
	};
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
		USECS_PER_DAY;

	for (int i = 0; i < lengthof(units); i++)
	{
		TimestampTz meant = (ts + epoch) / units[i].per_second - epoch;

		if (meant < FIRST_YEAR || meant > limit)
			continue;
		appendStringInfoString(text, ": unixTime is in seconds, in ");
		appendStringInfo(text, "%s it would be ", units[i].name);
		qlm_datetime_append(text, meant);
		return;
	}
}

static const char *
describe(const Search *search)
{
	StringInfoData text;
	const char *limit = GetConfigOptionByName("qlm.max_future", NULL, false);

	initStringInfo(&text);
	if (search->meta_data != NULL)
		appendStringInfo(&text, "the value of the MetaData %s of %s is of ",
						 search->meta_data->name, search->path.data);
	else
		appendStringInfo(&text, "the value of %s is of ", search->path.data);
	qlm_datetime_append(&text, search->value->ts);
	appendStringInfo(&text, ", further ahead than %s (qlm.max_future)", limit);
	append_unit(&text, search->value->ts, search->limit);
	return text.data;
}

const char *
qlm_future_problem(const QlmOdf *odf)
{
	Search		search = {0};

	/* In most cases this avoids a call of the clock. */
	if (qlm_max_future <= 0 ||
		odf->latest <= GetCurrentTransactionStartTimestamp() + qlm_max_future * USECS_PER_SEC)
		return NULL;
	search.limit = GetCurrentTimestamp() + qlm_max_future * USECS_PER_SEC;
	if (odf->latest <= search.limit)
		return NULL;
	initStringInfo(&search.path);
	if (!find_in_object(&search, &odf->root))
		return NULL;
	return describe(&search);
}

/*
 * Was the path logged recently?  Two paths in the same slot replace each
 * other.
 */
static bool
is_logged(const char *path)
{
	static struct
	{
		uint32		hash;
		TimestampTz until;
	}			logged[MAX_LOGGED];
	uint32		hash = hash_bytes((const unsigned char *) path, strlen(path));
	TimestampTz now = GetCurrentTimestamp();
	int			i = hash % MAX_LOGGED;

	if (logged[i].hash == hash && logged[i].until > now)
		return true;
	logged[i].hash = hash;
	logged[i].until = now + LOGGED_FOR;
	return false;
}

static bool
are_logged(const QlmWriteCount *count)
{
	bool		all = true;

	for (int i = 0; i < count->nnamed; i++)
		all &= is_logged(count->paths[i]);
	return all;
}

void
qlm_future_count(const QlmOdf *odf, QlmWriteCounts *counts)
{
	Search		search = {0};

	if (odf->latest <= GetCurrentTransactionStartTimestamp() + QLM_FAR_AHEAD)
		return;
	search.limit = GetCurrentTimestamp() + QLM_FAR_AHEAD;
	if (odf->latest <= search.limit)
		return;
	search.counts = counts;
	initStringInfo(&search.path);
	(void) find_in_object(&search, &odf->root);
	pfree(search.path.data);
}

void
qlm_future_log(const QlmWriteCounts *counts, int elevel)
{
	StringInfoData latest;

	if (counts->ahead.n == 0 || are_logged(&counts->ahead))
		return;
	initStringInfo(&latest);
	qlm_datetime_append(&latest, counts->latest);
	ereport(elevel,
			(errmsg("qlm has stored a value far ahead of the clock: %s",
					counts->ahead.paths[0]),
			 errdetail("Values of times up to %s were let in: " INT64_FORMAT ".",
					   latest.data, counts->ahead.n),
			 errhint("Until its time has come no earlier value of the InfoItem is the latest, nor an event if its time was given. qlm.max_future bounds what messages may bring; qlm_delete(path, begin, end) removes values.")));
	pfree(latest.data);
}
