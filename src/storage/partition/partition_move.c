/*
 * partition_move.c
 *		Moves values out of the default partition.
 *
 * Rows are moved below triggers, rules and policies, since no value is new,
 * changed or deleted.  The tables are locked, so the latest snapshot sees all
 * rows.
 */
#include "postgres.h"

#include "access/attmap.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/pg_am_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "storage/partition/partition_move.h"

/* Tuples inserted together, as many as in COPY */
#define MAX_TUPLES		1000

/* At most so many times the wanted number of rows may share a time. */
#define MAX_SHARED		20

/* Reads the rows of a range, in order of time if there is an index */
typedef struct Reading
{
	Relation	rel;
	Relation	index;			/* NULL: sequential scan */
	AttrNumber	ts;
	Snapshot	snapshot;
	SysScanDesc scan;
	ScanKeyData keys[2];
} Reading;

static Relation
open_index(Relation rel, AttrNumber ts)
{
	List	   *indexes = RelationGetIndexList(rel);
	Relation	found = NULL;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == ts &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		{
			found = index;
			break;
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

static void
begin_reading(Reading *reading, Oid relid, TimestampTz lower, TimestampTz upper)
{
	reading->rel = table_open(relid, AccessShareLock);
	if (reading->rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" has another access method than heap",
						RelationGetRelationName(reading->rel))));
	reading->ts = get_attnum(relid, "ts");
	reading->index = open_index(reading->rel, reading->ts);
	ScanKeyInit(&reading->keys[0], reading->ts, BTGreaterEqualStrategyNumber,
				F_TIMESTAMPTZ_GE, TimestampTzGetDatum(lower));
	ScanKeyInit(&reading->keys[1], reading->ts, BTLessStrategyNumber,
				F_TIMESTAMPTZ_LT, TimestampTzGetDatum(upper));
	reading->snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (reading->index)
		reading->scan = systable_beginscan_ordered(reading->rel, reading->index,
												   reading->snapshot, 2, reading->keys);
	else
		reading->scan = systable_beginscan(reading->rel, InvalidOid, false,
										   reading->snapshot, 2, reading->keys);
}

static HeapTuple
next_row(Reading *reading)
{
	CHECK_FOR_INTERRUPTS();
	return reading->index ?
		systable_getnext_ordered(reading->scan, ForwardScanDirection) :
		systable_getnext(reading->scan);
}

static void
end_reading(Reading *reading)
{
	if (reading->index)
	{
		systable_endscan_ordered(reading->scan);
		index_close(reading->index, AccessShareLock);
	}
	else
		systable_endscan(reading->scan);
	UnregisterSnapshot(reading->snapshot);
	table_close(reading->rel, NoLock);
}

static TimestampTz
time_of(const Reading *reading, HeapTuple row)
{
	bool		isnull;

	return DatumGetTimestampTz(heap_getattr(row, reading->ts,
											RelationGetDescr(reading->rel), &isnull));
}

bool
qlm_partition_has_more(Oid relid, TimestampTz lower, TimestampTz upper, int n)
{
	Reading		reading;
	int			found = 0;

	begin_reading(&reading, relid, lower, upper);
	if (reading.index == NULL && RelationGetNumberOfBlocks(reading.rel) > 0)
		found = n + 1;
	while (found <= n && next_row(&reading) != NULL)
		found++;
	end_reading(&reading);
	return found > n;
}

TimestampTz
qlm_partition_first(Oid relid, TimestampTz lower, TimestampTz upper)
{
	Reading		reading;
	HeapTuple	row = NULL;
	TimestampTz ts = DT_NOEND;

	begin_reading(&reading, relid, lower, upper);
	if (reading.index)
		row = next_row(&reading);
	if (row != NULL)
		ts = time_of(&reading, row);
	end_reading(&reading);
	return ts;
}

TimestampTz
qlm_partition_cut(Oid relid, TimestampTz lower, TimestampTz upper, int n)
{
	Reading		reading;
	HeapTuple	row;
	TimestampTz last = upper;
	TimestampTz cut = upper;
	int64		found = 0;

	begin_reading(&reading, relid, lower, upper);
	while (cut == upper && (row = next_row(&reading)) != NULL)
	{
		TimestampTz ts = time_of(&reading, row);

		if (found >= n && ts != last)
			cut = last + 1;
		else if (++found > (int64) n * MAX_SHARED)
			cut = DT_NOBEGIN;
		last = ts;
	}
	end_reading(&reading);
	return cut;
}

/* Where rows are moved to */
typedef struct Writing
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *info;
	TupleConversionMap *map;	/* NULL: both tables have the same columns */
	TupleTableSlot *slots[MAX_TUPLES];
	ItemPointerData places[MAX_TUPLES]; /* their old places */
	int			n;
	MemoryContext context;
} Writing;

static Writing *
begin_writing(Relation from, Oid to)
{
	Writing    *writing = palloc0(sizeof(Writing));

	writing->rel = table_open(to, RowExclusiveLock);
	writing->map = convert_tuples_by_name(RelationGetDescr(from),
										  RelationGetDescr(writing->rel));
	writing->estate = CreateExecutorState();
	writing->info = makeNode(ResultRelInfo);
	InitResultRelInfo(writing->info, writing->rel, 0, NULL, 0);
	ExecOpenIndices(writing->info, false);
	for (int i = 0; i < MAX_TUPLES; i++)
		writing->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writing->rel),
													 table_slot_callbacks(writing->rel));
	writing->context = AllocSetContextCreate(CurrentMemoryContext, "qlm move",
											 ALLOCSET_DEFAULT_SIZES);
	return writing;
}

/*
 * Inserts the collected rows into the new table and deletes them from the old
 * one.
 */
static void
flush(Writing *writing, Relation from)
{
	MemoryContext caller = MemoryContextSwitchTo(writing->context);

	if (writing->n > 0)
		table_multi_insert(writing->rel, writing->slots, writing->n,
						   GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < writing->n; i++)
	{
		if (writing->info->ri_NumIndices > 0)
			list_free(qlm_exec_insert_index_tuples(writing->info, writing->slots[i],
												   writing->estate));
		ResetPerTupleExprContext(writing->estate);
		ExecClearTuple(writing->slots[i]);
		simple_heap_delete(from, &writing->places[i]);
	}
	writing->n = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(writing->context);
}

static void
take(Writing *writing, HeapTuple row)
{
	MemoryContext caller = MemoryContextSwitchTo(writing->context);
	TupleTableSlot *slot = writing->slots[writing->n];

	writing->places[writing->n++] = row->t_self;
	row = writing->map ? execute_attr_map_tuple(row, writing->map) : heap_copytuple(row);
	ExecForceStoreHeapTuple(row, slot, false);
	slot->tts_tableOid = RelationGetRelid(writing->rel);
	MemoryContextSwitchTo(caller);
}

static void
end_writing(Writing *writing)
{
	for (int i = 0; i < MAX_TUPLES; i++)
		ExecDropSingleTupleTableSlot(writing->slots[i]);
	ExecCloseIndices(writing->info);
	FreeExecutorState(writing->estate);
	table_close(writing->rel, NoLock);
	MemoryContextDelete(writing->context);
	pfree(writing);
}

int64
qlm_partition_move(Oid from, Oid to, TimestampTz lower, TimestampTz upper)
{
	Reading		reading;
	Writing    *writing;
	HeapTuple	row;
	int64		n = 0;

	begin_reading(&reading, from, lower, upper);
	writing = begin_writing(reading.rel, to);
	PushActiveSnapshot(reading.snapshot);
	while ((row = next_row(&reading)) != NULL)
	{
		take(writing, row);
		n++;
		if (writing->n == MAX_TUPLES)
			flush(writing, reading.rel);
	}
	flush(writing, reading.rel);
	PopActiveSnapshot();
	end_writing(writing);
	end_reading(&reading);
	CommandCounterIncrement();
	return n;
}
