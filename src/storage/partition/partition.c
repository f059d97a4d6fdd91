/*
 * partition.c
 *		The partitions of qlm.value: which exist, and their names.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/partition/partition.h"

int			qlm_partition_span = QLM_SPAN_MONTH;

static QlmPartitionRange *ranges = NULL;
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
	QlmPartitionRange *range = &ranges[nranges];

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
								(nbounds + 1) * sizeof(QlmPartitionRange));
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

const QlmPartitionRange *
qlm_partition_ranges(int *n)
{
	load_ranges();
	*n = nranges;
	return ranges;
}

QlmPartitionRange *
qlm_partition_copy_ranges(int *n)
{
	QlmPartitionRange *copy;

	load_ranges();
	copy = palloc(nranges * sizeof(QlmPartitionRange));
	memcpy(copy, ranges, nranges * sizeof(QlmPartitionRange));
	*n = nranges;
	return copy;
}

bool
qlm_partition_covers(const QlmPartitionRange *range, TimestampTz ts)
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

bool
qlm_partition_table_is_empty(Oid relid)
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
qlm_partition_is_empty(const QlmPartitionRange *range)
{
	int			found;

	if (range->is_filled)
		return false;
	if (!OidIsValid(range->relid))
		return true;
	if (qlm_partition_table_is_empty(range->relid))
		/* Rows may have been moved to another partition in the meantime. */
		return generation == qlm_catalog_generation(QLM_REL_VALUE);
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

/* Returns the start of the span that is so many spans after that of ts. */
TimestampTz
qlm_partition_span_start(TimestampTz ts, int spans)
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

/* The name contains the span, or both ends if the partition is shorter. */
void
qlm_partition_name(char *name, TimestampTz lower, TimestampTz upper)
{
	struct pg_tm from;
	struct pg_tm to;

	break_down(lower, &from);
	break_down(upper - 1, &to);
	if (lower != qlm_partition_span_start(lower, 0) || upper != qlm_partition_span_start(lower, 1))
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

const QlmPartitionRange *
qlm_partition_range(int i)
{
	load_ranges();
	return &ranges[i];
}

Oid
qlm_partition_default(void)
{
	load_ranges();
	return default_relid;
}

/*
 * A partition that is being filled has the name of its final range.  It ends
 * where the default partition still holds the rest.
 */
bool
qlm_partition_is_growing(int i, TimestampTz *end)
{
	char		name[NAMEDATALEN];
	char	   *relname;

	if (i < 0 || i + 1 >= nranges || ranges[i].is_default || !ranges[i + 1].is_default ||
		TIMESTAMP_IS_NOBEGIN(ranges[i].lower))
		return false;
	*end = Min(qlm_partition_span_start(ranges[i].lower, 1), ranges[i + 1].upper);
	if (ranges[i].upper >= *end)
		return false;
	qlm_partition_name(name, ranges[i].lower, *end);
	relname = get_rel_name(ranges[i].relid);
	return relname != NULL && strcmp(name, relname) == 0;
}
