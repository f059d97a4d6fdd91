/*
 * value_insert.c
 *		Inserts rows into qlm.value.
 *
 * One statement reads the rows of all envelopes of the turn from an ephemeral
 * relation.  Times that are stored already are rare: the insert is tried
 * first, and if it fails the rows are sorted out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/subtransaction.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_make.h"
#include "storage/partition/range_statement.h"
#include "storage/value/value_bulk.h"
#include "storage/value/value_free_time.h"
#include "storage/value/value_insert.h"
#include "storage/value/value_order.h"
#include "storage/value/value_row.h"
#include "storage/value/value_untimed.h"

#define COLUMNS \
	"info_item_id, peer_id, ts, num, txt, type, attributes, is_odf"

static QlmPlan insert_plan = {
	"INSERT INTO qlm.value (" COLUMNS ") SELECT " COLUMNS " FROM qlm_new_rows",
	QLM_VALUE_ROW_ARGS
};

static QlmPlan insert_free_plan = {
	"INSERT INTO qlm.value (" COLUMNS ") SELECT " COLUMNS " FROM qlm_new_rows"
	" ON CONFLICT DO NOTHING RETURNING info_item_id, ts",
	QLM_VALUE_ROW_ARGS
};

static const QlmRangeStatement update_statement = {
	"UPDATE qlm.value v SET peer_id = n.peer_id, num = n.num, txt = n.txt,"
	" type = n.type, attributes = n.attributes, is_odf = n.is_odf"
	" FROM qlm_new_rows n"
	" WHERE v.info_item_id = n.info_item_id AND v.ts = n.ts AND %s"
	" AND (v.num, v.txt, v.type, v.attributes, v.is_odf) IS DISTINCT FROM"
	" (n.num, n.txt, n.type, n.attributes, n.is_odf)"
	" RETURNING v.info_item_id, v.ts",
	QLM_VALUE_ROW_ARGS
};

static void
fill_store(Tuplestorestate *store, const QlmValueRow *rows, int n)
{
	QlmValueRowState state = {0};
	Datum		values[QLM_VALUE_COLUMNS] = {0};
	bool		nulls[QLM_VALUE_COLUMNS];

	for (int i = 0; i < n; i++)
	{
		qlm_value_row_fill(&state, &rows[i], values, nulls);
		tuplestore_putvalues(store, qlm_value_row_descriptor(), values, nulls);
		if (!nulls[4])
			pfree(DatumGetPointer(values[4]));
	}
}

typedef void (*Statement) (void *arg);

/*
 * Runs a statement that reads the rows as relation qlm_new_rows.  The name
 * lives as long as the SPI connection, so it gets a connection of its own,
 * which is closed in any case.
 */
static void
with_rows(const QlmValueRow *rows, int n, Statement statement, void *arg)
{
	EphemeralNamedRelationData relation = {0};
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);

	fill_store(store, rows, n);
	relation.md.name = "qlm_new_rows";
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = qlm_value_row_descriptor();
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = n;
	relation.reldata = store;
	qlm_storage_begin();
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows to insert");
	statement(arg);
	qlm_storage_end();
	tuplestore_end(store);
}

typedef struct Rows
{
	const QlmValueRow *rows;
	int			n;
} Rows;

static void
insert_all(void *arg)
{
	const Rows *all = arg;
	Datum		params[QLM_VALUE_COLUMNS];

	qlm_value_row_params(all->rows, all->n, params);
	qlm_plan_execute(&insert_plan, params, NULL, 0);
}

static bool
is_taken(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION &&
		error->schema_name != NULL && strcmp(error->schema_name, "qlm") == 0;
}

/*
 * Did the insert fail since a partition was made for a row meant for the
 * default one?
 */
static bool
has_moved(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_CHECK_VIOLATION &&
		error->constraint_name == NULL && error->schema_name != NULL &&
		strcmp(error->schema_name, "qlm") == 0 && error->table_name != NULL &&
		strcmp(error->table_name, "value_default") == 0;
}

/*
 * Inserts all rows or none.  Returns false if a time is taken, or the attempt
 * must be repeated.
 */
static bool
try_insert(const QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	QlmValueRows outer = qlm_value_untimed_begin(rows, n);
	Rows		all = {rows, n};
	volatile bool inserted = true;

	QLM_SUBTRANSACTION_TRY();
	{
		if (!qlm_value_bulk_insert(rows, n, observer))
			with_rows(rows, n, insert_all, &all);
		qlm_value_untimed_end(outer);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		qlm_value_untimed_end(outer);
		if (!is_taken(error) && !has_moved(error))
			ReThrowError(error);
		FreeErrorData(error);
		inserted = false;
	}
	QLM_SUBTRANSACTION_END();
	return inserted;
}

typedef struct Insertion
{
	const QlmValueRow *rows;
	int			n;
	bool	   *inserted;
} Insertion;

static void
insert_free(void *arg)
{
	Insertion  *insertion = arg;
	QlmValueRows outer = qlm_value_untimed_begin(insertion->rows, insertion->n);
	Datum		params[QLM_VALUE_COLUMNS];

	qlm_value_row_params(insertion->rows, insertion->n, params);
	PG_TRY();
	{
		qlm_plan_execute(&insert_free_plan, params, NULL, 0);
	}
	PG_FINALLY();
	{
		qlm_value_untimed_end(outer);
	}
	PG_END_TRY();
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			id = DatumGetInt32(qlm_spi_datum(i, 1, &isnull));
		TimestampTz ts = DatumGetTimestampTz(qlm_spi_datum(i, 2, &isnull));
		int			row = qlm_value_order_find(insertion->rows, insertion->n, id, ts);

		if (row < insertion->n && insertion->rows[row].info_item_id == id &&
			insertion->rows[row].ts == ts)
			insertion->inserted[row] = true;
	}
}

static const QlmRangeStatement same_statement = {
	"SELECT v.info_item_id, v.ts FROM qlm.value v, qlm_new_rows n"
	" WHERE v.info_item_id = n.info_item_id AND v.ts = n.ts AND %s"
	" AND (v.num, v.txt, v.type, v.attributes, v.is_odf) IS NOT DISTINCT FROM"
	" (n.num, n.txt, n.type, n.attributes, n.is_odf)",
	0
};

/* The rows of one partition whose times are taken */
typedef struct Update
{
	const QlmPartitionRange *range;
	const QlmValueRow *rows;
	int			n;
	bool	   *changed;
} Update;

static void
note_changed(void *arg, const Datum *values, const bool *nulls)
{
	Update	   *update = arg;
	int			row = qlm_value_order_find(update->rows, update->n, DatumGetInt32(values[0]),
							   DatumGetTimestampTz(values[1]));

	if (row < update->n)
		update->changed[row] = true;
}

static void
update_range(void *arg)
{
	Update	   *update = arg;
	Datum		params[QLM_VALUE_COLUMNS];

	qlm_value_row_params(update->rows, update->n, params);
	qlm_range_statement_execute(&update_statement, update->range, params, note_changed, update);
}

static void
find_same(void *arg)
{
	Update	   *update = arg;

	qlm_range_statement_execute(&same_statement, update->range, NULL, note_changed, update);
}

/*
 * Policies silently skip rows that may not be seen or changed.  A caller that
 * is told that a value is stored must find it there, so this is an error.
 */
static void
require_not_hidden(const Update *update)
{
	Update		same = *update;

	if (!qlm_acl_has_policies(QLM_REL_VALUE))
		return;
	same.changed = MemoryContextAllocExtended(CurrentMemoryContext, same.n * sizeof(bool),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	with_rows(same.rows, same.n, find_same, &same);
	for (int i = 0; i < same.n; i++)
		if (!same.changed[i] && !update->changed[i])
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for a value of InfoItem %d",
							same.rows[i].info_item_id),
					 errdetail("A value of that time exists, which a policy on qlm.value hides from the current role or does not let it change.")));
	pfree(same.changed);
}

static void
update_in_range(QlmValueRow *rows, int n, const QlmPartitionRange *range,
				const QlmValueObserver *observer)
{
	Update		update = {range, rows, n, MemoryContextAllocExtended(CurrentMemoryContext, n * sizeof(bool), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)};

	qlm_value_order_sort(rows, n);
	with_rows(rows, n, update_range, &update);
	require_not_hidden(&update);
	for (int i = 0; i < n; i++)
		observer->tell(observer->arg, &rows[i], NULL,
					   update.changed[i] ? QLM_VALUE_REPLACES : QLM_VALUE_REPEATED);
	pfree(update.changed);
}

/* Updates values that are stored already, if they differ. */
static void
update_rows(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	int			done = 0;

	while (done < n)
	{
		int			nranges;
		const QlmPartitionRange *ranges = qlm_partition_ranges(&nranges);
		int			found = qlm_partition_find(rows[done].ts);
		QlmPartitionRange range = ranges[found];
		int			end = done + 1;

		/* Move the other rows of this range next to it. */
		for (int i = end; i < n; i++)
		{
			QlmValueRow row = rows[i];

			if (qlm_partition_find(row.ts) != found)
				continue;
			rows[i] = rows[end];
			rows[end++] = row;
		}
		update_in_range(rows + done, end - done, &range, observer);
		done = end;
	}
}

static void
prepare_partitions(const QlmValueRow *rows, int n)
{
	TimestampTz *times = MemoryContextAllocHuge(CurrentMemoryContext,
												n * sizeof(TimestampTz));

	for (int i = 0; i < n; i++)
		times[i] = rows[i].ts;
	qlm_partition_prepare(times, n);
	pfree(times);
}

/* Inserts values with given times, some of which are taken. */
static void
insert_given(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	bool	   *inserted = palloc0(Max(n, 1) * sizeof(bool));
	Insertion	insertion = {rows, n, inserted};
	int			ntaken = 0;

	if (n > 0)
		with_rows(rows, n, insert_free, &insertion);
	for (int i = 0; i < n; i++)
		if (!inserted[i])
			rows[ntaken++] = rows[i];
	pfree(inserted);
	update_rows(rows, ntaken, observer);
}

/*
 * Values without a time get other times, all together, so that they stay in
 * order.  A conflicting row of another transaction is committed, and so
 * visible to a new snapshot.  That is not so if this transaction keeps one
 * snapshot.
 */
static void
insert_untimed(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	bool		blocked = false;

	while (n > 0 && !try_insert(rows, n, observer))
	{
		CHECK_FOR_INTERRUPTS();
		if (qlm_value_free_time_assign(rows, n))
		{
			blocked = false;
			prepare_partitions(rows, n);
		}
		else if (blocked)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("another transaction has stored values of the same InfoItem at the same time")));
		else
			blocked = true;
	}
}

/* Inserts rows some of whose times are taken. */
static void
insert_with_care(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	QlmValueRow *untimed = MemoryContextAllocHuge(CurrentMemoryContext,
												  n * sizeof(QlmValueRow));
	int			nuntimed = 0;
	int			ngiven = 0;

	for (int i = 0; i < n; i++)
		if (rows[i].is_given)
			rows[ngiven++] = rows[i];
		else
			untimed[nuntimed++] = rows[i];
	insert_given(rows, ngiven, observer);
	insert_untimed(untimed, nuntimed, observer);
	pfree(untimed);
}

void
qlm_value_insert(QlmValueRow *rows, int n, const QlmValueObserver *observer)
{
	n = qlm_value_order(rows, n, observer);
	if (n == 0)
		return;
	prepare_partitions(rows, n);
	if (!try_insert(rows, n, observer))
		insert_with_care(rows, n, observer);
}
