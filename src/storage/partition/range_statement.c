/*
 * range_statement.c
 *		Statements on one partition of qlm.value, by way of the parent.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "storage/core/stream.h"
#include "storage/partition/range_statement.h"
#include "storage/planner/planner_hook.h"

/*
 * Prepared once per process.  Spans change when partitions come and go, once a
 * month: the plans for the old ones stay behind, a few kilobytes each.
 */
typedef struct PlanKey
{
	const QlmRangeStatement *statement;
	TimestampTz lower;
	TimestampTz upper;
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;
	SPIPlanPtr	plan;
} PlanEntry;

static HTAB *plans = NULL;

static void
append_condition(StringInfo buf, const QlmPartitionRange *range)
{
	if (TIMESTAMP_IS_NOBEGIN(range->lower) && TIMESTAMP_IS_NOEND(range->upper))
		appendStringInfoString(buf, "true");
	if (!TIMESTAMP_IS_NOBEGIN(range->lower))
	{
		appendStringInfoString(buf, "v.ts >= '");
		qlm_datetime_append(buf, range->lower);
		appendStringInfoString(buf, "'");
	}
	if (!TIMESTAMP_IS_NOEND(range->upper))
	{
		if (!TIMESTAMP_IS_NOBEGIN(range->lower))
			appendStringInfoString(buf, " AND ");
		appendStringInfoString(buf, "v.ts < '");
		qlm_datetime_append(buf, range->upper);
		appendStringInfoString(buf, "'");
	}
}

static SPIPlanPtr
prepare(const QlmRangeStatement *statement, const QlmPartitionRange *range)
{
	MemoryContext context = CurrentMemoryContext;
	StringInfoData condition;
	char	   *sql;
	SPIPlanPtr	plan;

	initStringInfo(&condition);
	append_condition(&condition, range);
	sql = psprintf(statement->sql, condition.data);
	plan = SPI_prepare_cursor(sql, statement->nargs, (Oid *) statement->args,
							  QLM_PLAN_GENERIC | QLM_PLAN_OWN | QLM_PLAN_INDEXED);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	MemoryContextSwitchTo(context);
	pfree(condition.data);
	pfree(sql);
	return plan;
}

static SPIPlanPtr
find_plan(const QlmRangeStatement *statement, const QlmPartitionRange *range)
{
	PlanKey		key;
	PlanEntry  *entry;

	if (plans == NULL)
	{
		HASHCTL		info = {0};

		info.keysize = sizeof(PlanKey);
		info.entrysize = sizeof(PlanEntry);
		plans = hash_create("qlm range plans", 64, &info,
							HASH_ELEM | HASH_BLOBS);
	}
	memset(&key, 0, sizeof(key));
	key.statement = statement;
	key.lower = range->lower;
	key.upper = range->upper;
	entry = hash_search(plans, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		SPIPlanPtr	plan = prepare(statement, range);

		entry = hash_search(plans, &key, HASH_ENTER, NULL);
		entry->plan = plan;
	}
	return entry->plan;
}

void
qlm_range_statement_execute(const QlmRangeStatement *statement, const QlmPartitionRange *range,
							const Datum *params, QlmRowFunction function, void *arg)
{
	qlm_stream(find_plan(statement, range), statement->nargs, statement->args,
			   params, function, arg);
}
