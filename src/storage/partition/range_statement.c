/*
 * range_statement.c
 *		Statements on one partition of qlm.value, through the parent.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/datetime.h"
#include "storage/core/plan.h"
#include "storage/partition/partition.h"
#include "storage/partition/range_statement.h"

/*
 * Prepared once for each process.  Ranges change when partitions come and go,
 * about once a month; the old plans, a few kilobytes each, are kept.
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
	QlmPlan		plan;
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

static void
init_plan(QlmPlan *plan, const QlmRangeStatement *statement, const QlmPartitionRange *range)
{
	StringInfoData condition;
	MemoryContext context;

	initStringInfo(&condition);
	append_condition(&condition, range);
	memset(plan, 0, sizeof(QlmPlan));
	context = MemoryContextSwitchTo(TopMemoryContext);
	plan->sql = psprintf(statement->sql, condition.data);
	MemoryContextSwitchTo(context);
	plan->nargs = statement->nargs;
	memcpy(plan->args, statement->args, statement->nargs * sizeof(Oid));
	pfree(condition.data);
}

static QlmPlan *
find_plan(const QlmRangeStatement *statement, const QlmPartitionRange *range)
{
	PlanKey		key;
	PlanEntry  *entry;
	bool		found;

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
	entry = hash_search(plans, &key, HASH_ENTER, &found);
	if (!found)
		init_plan(&entry->plan, statement, range);
	return &entry->plan;
}

void
qlm_range_statement_execute(const QlmRangeStatement *statement, const QlmPartitionRange *range,
							const Datum *params, QlmRowFunction function, void *arg)
{
	qlm_plan_stream_indexed(find_plan(statement, range), params, function, arg);
}
