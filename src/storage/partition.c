/*
 * partition.c
 *		The partitions of qlm.value: which there are, and new ones in time.
 *
 * Days, months or years by UTC, attached to the parent rather than created in
 * it: that lets others go on reading and writing.  Whatever stands in the way of a new
 * partition, the values go to the default one and are moved later.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "storage/catalog.h"
#include "storage/partition.h"
#include "storage/subtransaction.h"

int			qlm_partition_span = QLM_SPAN_MONTH;
int			qlm_partitions_ahead = 1;
int			qlm_partition_years_back = 20;
int			qlm_partition_years_ahead = 2;

static QlmRange *ranges = NULL;
static int	nranges = 0;
static Oid	default_relid = InvalidOid;
static uint64 generation;

static TimestampTz
bound_of(PartitionBoundInfo bounds, int i)
{
	switch (bounds->kind[i][0])
	{
		case PARTITION_RANGE_DATUM_MINVALUE:
			return DT_NOBEGIN;
		case PARTITION_RANGE_DATUM_MAXVALUE:
			return DT_NOEND;
		default:
			return DatumGetTimestampTz(bounds->datums[i][0]);
	}
}

static void
add_range(PartitionDesc desc, TimestampTz lower, TimestampTz upper, int index)
{
	QlmRange   *range = &ranges[nranges];

	if (lower >= upper)
		return;
	range->lower = lower;
	range->upper = upper;
	range->is_default = index < 0;
	range->relid = index < 0 ? default_relid : desc->oids[index];
	range->is_filled = false;
	nranges++;
}

static void
load_ranges(void)
{
	Oid			relid = qlm_catalog_relid(QLM_REL_VALUE);
	Relation	rel;
	PartitionDesc desc;
	PartitionBoundInfo bounds;
	int			nbounds;

	if (ranges != NULL && generation == qlm_catalog_generation(QLM_REL_VALUE))
		return;
	rel = table_open(relid, AccessShareLock);
	generation = qlm_catalog_generation(QLM_REL_VALUE);
	desc = RelationGetPartitionDesc(rel, true);
	bounds = desc->boundinfo;
	nbounds = bounds ? bounds->ndatums : 0;
	if (ranges != NULL)
		pfree(ranges);
	ranges = MemoryContextAlloc(TopMemoryContext,
								(nbounds + 1) * sizeof(QlmRange));
	nranges = 0;
	default_relid = (bounds && bounds->default_index >= 0) ?
		desc->oids[bounds->default_index] : InvalidOid;
	for (int i = 0; i <= nbounds; i++)
		add_range(desc,
				  i == 0 ? DT_NOBEGIN : bound_of(bounds, i - 1),
				  i == nbounds ? DT_NOEND : bound_of(bounds, i),
				  nbounds > 0 ? bounds->indexes[i] : -1);
	table_close(rel, AccessShareLock);
}

const QlmRange *
qlm_partition_ranges(int *n)
{
	load_ranges();
	*n = nranges;
	return ranges;
}

bool
qlm_partition_covers(const QlmRange *range, TimestampTz ts)
{
	return (ts >= range->lower || TIMESTAMP_IS_NOBEGIN(range->lower)) &&
		(ts < range->upper || TIMESTAMP_IS_NOEND(range->upper));
}

int
qlm_partition_find(TimestampTz ts)
{
	int			low = 0;
	int			high;

	load_ranges();
	high = nranges - 1;
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (ts >= ranges[middle].upper &&
			!TIMESTAMP_IS_NOEND(ranges[middle].upper))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
table_is_empty(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	bool		empty;

	if (rel == NULL)
		return true;
	empty = rel->rd_rel->relkind == RELKIND_RELATION &&
		RelationGetNumberOfBlocks(rel) == 0;
	relation_close(rel, AccessShareLock);
	return empty;
}

bool
qlm_partition_is_empty(const QlmRange *range)
{
	int			found;

	if (range->is_filled)
		return false;
	if (!OidIsValid(range->relid) || table_is_empty(range->relid))
		return true;
	found = qlm_partition_find(range->lower);
	if (ranges[found].relid == range->relid)
		ranges[found].is_filled = true;
	return false;
}

static void
break_down(TimestampTz ts, struct pg_tm *tm)
{
	fsec_t		fsec;

	if (timestamp2tm(ts, NULL, tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
}

/* First moment of the span so many spans after that of a time */
static TimestampTz
span_start(TimestampTz ts, int spans)
{
	struct pg_tm tm;
	TimestampTz start;
	int			months;

	break_down(ts, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (qlm_partition_span != QLM_SPAN_DAY)
	{
		months = qlm_partition_span == QLM_SPAN_YEAR ? spans * 12 :
			tm.tm_mon - 1 + spans;
		tm.tm_year += months / 12;
		tm.tm_mon = months % 12 + 1;
		tm.tm_mday = 1;
	}
	if (tm2timestamp(&tm, 0, NULL, &start) != 0)
		elog(ERROR, "timestamp out of range");
	return qlm_partition_span == QLM_SPAN_DAY ?
		start + spans * USECS_PER_DAY : start;
}

/* A table's name says its span, or both ends where it is cut short. */
static void
name_partition(char *name, TimestampTz lower, TimestampTz upper)
{
	struct pg_tm from;
	struct pg_tm to;

	break_down(lower, &from);
	break_down(upper - 1, &to);
	if (lower != span_start(lower, 0) || upper != span_start(lower, 1))
		snprintf(name, NAMEDATALEN, "value_%04d_%02d_%02d_to_%04d_%02d_%02d",
				 from.tm_year, from.tm_mon, from.tm_mday,
				 to.tm_year, to.tm_mon, to.tm_mday);
	else if (qlm_partition_span == QLM_SPAN_YEAR)
		snprintf(name, NAMEDATALEN, "value_%04d", from.tm_year);
	else if (qlm_partition_span == QLM_SPAN_MONTH)
		snprintf(name, NAMEDATALEN, "value_%04d_%02d", from.tm_year, from.tm_mon);
	else
		snprintf(name, NAMEDATALEN, "value_%04d_%02d_%02d", from.tm_year,
				 from.tm_mon, from.tm_mday);
}

/*
 * A query of this session that is under way on the table keeps it from being
 * altered.
 */
static bool
is_in_use(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		in_use = rel->rd_refcnt > 1 || AfterTriggerPendingOnRel(relid);

	table_close(rel, NoLock);
	return in_use;
}

static void
execute(const char *format,...) pg_attribute_printf(1, 2);

static void
execute(const char *format,...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&buf, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	qlm_statement_execute(buf.data, 0, InvalidSnapshot);
	pfree(buf.data);
}

/*
 * The table is new, so none of this keeps anybody else waiting; attaching it
 * looks through what it holds, which is what the default partition held.
 */
static void
make_partition(const char *name, TimestampTz lower, TimestampTz upper)
{
	StringInfoData from;
	StringInfoData to;

	initStringInfo(&from);
	qlm_datetime_append(&from, lower);
	initStringInfo(&to);
	qlm_datetime_append(&to, upper);

	execute("CREATE TABLE qlm.%s (LIKE qlm.value INCLUDING DEFAULTS"
			" INCLUDING CONSTRAINTS INCLUDING COMMENTS)"
			" WITH (autovacuum_vacuum_insert_scale_factor = 0.05)", name);
	execute("REVOKE ALL ON qlm.%s FROM PUBLIC", name);
	execute("COMMENT ON TABLE qlm.%s IS 'values from %s to %s'",
			name, from.data, to.data);
	if (OidIsValid(default_relid) && !table_is_empty(default_relid))
		execute("WITH moved AS (DELETE FROM qlm.value_default"
				" WHERE ts >= '%s' AND ts < '%s' RETURNING *)"
				" INSERT INTO qlm.%s SELECT * FROM moved",
				from.data, to.data, name);
	execute("CREATE UNIQUE INDEX %s_info_item_id_ts_idx"
			" ON qlm.%s (info_item_id, ts) INCLUDE (num)", name, name);
	execute("ALTER TABLE qlm.%s REPLICA IDENTITY USING INDEX"
			" %s_info_item_id_ts_idx", name, name);
	execute("CREATE TRIGGER value_checked AFTER INSERT ON qlm.%s"
			" REFERENCING NEW TABLE AS new_values"
			" FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_checked()", name);
	execute("ALTER TABLE qlm.value ATTACH PARTITION qlm.%s"
			" FOR VALUES FROM ('%s') TO ('%s')", name, from.data, to.data);
}

/* If it fails, the write goes on, into the default partition. */
static bool
try_partition(const char *name, TimestampTz lower, TimestampTz upper)
{
	QlmSubtransaction subtransaction;
	QlmRights	saved;
	volatile bool made = false;

	qlm_subtransaction_begin(&subtransaction);
	PG_TRY();
	{
		qlm_rights_become_owner(&saved);
		make_partition(name, lower, upper);
		qlm_rights_restore(&saved);
		qlm_subtransaction_commit(&subtransaction);
		made = true;
	}
	PG_CATCH();
	{
		ErrorData  *error = qlm_subtransaction_catch(&subtransaction);

		if (qlm_error_must_leave(error))
			ReThrowError(error);
		ereport(WARNING,
				(errmsg("could not make partition qlm.%s: %s",
						name, error->message),
				 errdetail("Its values go to qlm.value_default.")));
		FreeErrorData(error);
	}
	PG_END_TRY();
	return made;
}

/*
 * Who made a partition before us may be about to let go of it, hence a few
 * tries; who reads it may take long, hence not more.
 */
static bool
lock_default(void)
{
	if (!OidIsValid(default_relid))
		return true;
	for (int tries = 0; tries < 3; tries++)
	{
		if (ConditionalLockRelationOid(default_relid, AccessExclusiveLock))
			return true;
		pg_usleep(1000L);
	}
	return false;
}

/*
 * Whoever makes a partition keeps others from doing so until it commits; they
 * look again then.  Readers of the default partition are not waited for.
 * Where earlier partitions leave less than a span, the new one fills that.
 */
static bool
make_span(TimestampTz ts)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);
	const QlmRange *range;
	TimestampTz lower;
	TimestampTz upper;
	int			found;
	char		name[NAMEDATALEN];

	if (is_in_use(parent))
		return false;
	LockRelationOid(parent, ShareUpdateExclusiveLock);
	found = qlm_partition_find(ts);
	range = &ranges[found];
	if (!range->is_default)
		return true;
	lower = Max(span_start(ts, 0), range->lower);
	upper = Min(span_start(ts, 1), range->upper);
	name_partition(name, lower, upper);
	if (OidIsValid(get_relname_relid(name, get_rel_namespace(parent))))
		return false;
	if (!lock_default())
		return false;
	return try_partition(name, lower, upper);
}

static bool
wants_partition(TimestampTz ts, TimestampTz now)
{
	return ts >= now - (int64) (qlm_partition_years_back * 365.25) * USECS_PER_DAY &&
		ts <= now + (int64) (qlm_partition_years_ahead * 365.25) * USECS_PER_DAY;
}

void
qlm_partition_prepare(const TimestampTz *times, int n)
{
	TimestampTz now = 0;
	int			found = -1;
	TimestampTz refused_from = DT_NOEND;
	TimestampTz refused_to = DT_NOBEGIN;

	load_ranges();
	for (int i = 0; i < n; i++)
	{
		if ((found >= 0 && qlm_partition_covers(&ranges[found], times[i])) ||
			(times[i] >= refused_from && times[i] < refused_to))
			continue;
		found = qlm_partition_find(times[i]);
		if (!ranges[found].is_default)
			continue;
		found = -1;
		if (now == 0)
			now = GetCurrentTimestamp();
		if (!wants_partition(times[i], now) || make_span(times[i]))
			continue;
		refused_from = span_start(times[i], 0);
		refused_to = span_start(times[i], 1);
	}
}

void
qlm_partition_ensure(TimestampTz now)
{
	TimestampTz start = now;

	for (int i = 0; i <= qlm_partitions_ahead; i++)
	{
		qlm_partition_prepare(&start, 1);
		start = span_start(start, 1);
	}
}

/* The conditional lock keeps a line of writers from forming behind this. */
static bool
drop_partition(const QlmRange *range)
{
	Oid			parent = qlm_catalog_relid(QLM_REL_VALUE);
	Oid			relid = range->relid;
	QlmRights	saved;

	if (is_in_use(parent) ||
		!ConditionalLockRelationOid(parent, AccessExclusiveLock))
		return false;
	if (!ConditionalLockRelationOid(relid, AccessExclusiveLock) ||
		!table_is_empty(relid))
		return false;
	qlm_rights_become_owner(&saved);
	execute("DROP TABLE %s", quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
														get_rel_name(relid)));
	qlm_rights_restore(&saved);
	return true;
}

bool
qlm_partition_drop_empty(TimestampTz now)
{
	load_ranges();
	for (int i = 0; i < nranges; i++)
		if (!ranges[i].is_default && ranges[i].upper < now - USECS_PER_DAY &&
			table_is_empty(ranges[i].relid))
			return drop_partition(&ranges[i]);
	return false;
}
