/*
 * invalidate.c
 *		Triggers that invalidate caches and delete values when Objects and
 *		InfoItems are deleted or changed, by whatever statement.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"

PG_FUNCTION_INFO_V1(qlm_trigger_forget);
PG_FUNCTION_INFO_V1(qlm_trigger_forget_values);

/*
 * What to invalidate besides the trigger's own table.  "static" stands for
 * details, which use the invalidation of qlm.meta_data.  "added" stands for
 * cached rows and "names" for aliases.  These use sequences, whose
 * invalidation makes no statement be planned again.
 */
static QlmRelation
relation_of(const char *argument)
{
	if (strcmp(argument, "added") == 0)
		return QLM_REL_OBJECT_SEQ;
	return strcmp(argument, "names") == 0 ? QLM_REL_NAMES : QLM_REL_META_DATA;
}

static void
invalidate(const TriggerData *data)
{
	const Trigger *trigger = data->tg_trigger;

	if (trigger->tgnargs == 0)
		qlm_catalog_invalidate(RelationGetRelid(data->tg_relation));
	for (int i = 0; i < trigger->tgnargs; i++)
		qlm_catalog_invalidate(qlm_catalog_relid(relation_of(trigger->tgargs[i])));
}

static bool
is_empty(Tuplestorestate *changed)
{
	return changed != NULL && tuplestore_tuple_count(changed) == 0;
}

/*
 * Before the statement: waits for writers, which have looked up paths, and
 * keeps them out until the transaction ends.  After it: invalidates the caches
 * of all processes.
 */
Datum
qlm_trigger_forget(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);

	if (TRIGGER_FIRED_BEFORE(data->tg_event))
		qlm_node_lock(ShareRowExclusiveLock);
	else if (!is_empty(data->tg_oldtable) && !is_empty(data->tg_newtable))
		invalidate(data);
	return PointerGetDatum(qlm_trigger_row(data));
}

/* Nobody would find a value without its InfoItem. */
static void
refuse_left_over(bool all)
{
	QlmRights	saved;

	if (!qlm_acl_has_policies(QLM_REL_VALUE))
		return;
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_once(all ? "SELECT FROM qlm.value LIMIT 1" :
						  "SELECT FROM qlm.value v JOIN old_items o"
						  " ON v.info_item_id = o.info_item_id LIMIT 1", 0,
						  InvalidSnapshot);
	qlm_rights_restore(&saved);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to delete rows that belong to deleted rows"),
				 errdetail("A policy keeps rows of qlm.value.")));
}

/*
 * After InfoItems were deleted: deletes their values with the rights of the
 * current user, since tables may have triggers of others.  The planner must
 * know the number of InfoItems, so the plan is not kept.
 */
Datum
qlm_trigger_forget_values(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	bool		all = TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);
	QlmRights	saved;

	if (is_empty(data->tg_oldtable))
		return PointerGetDatum(NULL);

	qlm_storage_begin();
	if (SPI_register_trigger_data(data) < 0)
		elog(ERROR, "could not register the deleted rows");
	qlm_plan_execute_once(all ? "DELETE FROM qlm.value" :
						  "DELETE FROM qlm.value v USING old_items o"
						  " WHERE v.info_item_id = o.info_item_id", 0,
						  InvalidSnapshot);
	refuse_left_over(all);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute_once(all ? "DELETE FROM qlm.subscription_value" :
						  "DELETE FROM qlm.subscription_value v USING old_items o"
						  " WHERE v.info_item_id = o.info_item_id", 0,
						  InvalidSnapshot);
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}
