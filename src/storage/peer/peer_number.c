/*
 * peer_number.c
 *		Rows refer to peers by number; the names next to the numbers are kept
 *		correct.
 *
 * Triggers on qlm.peer and on the tables whose rows name peers
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/peer/peer.h"

PG_FUNCTION_INFO_V1(qlm_trigger_peer_renamed);
PG_FUNCTION_INFO_V1(qlm_trigger_peer_added);
PG_FUNCTION_INFO_V1(qlm_trigger_find_peer);

/* Set while names are changed to those of their peers */
static bool renaming = false;

static QlmPlan find_plan = {
	"SELECT peer_id FROM qlm.peer WHERE name = $1", 1, {TEXTOID}
};

#define RENAME(table) "UPDATE qlm." table " SET peer = $2 WHERE peer_id = $1"

static QlmPlan rename_plans[] = {
	{RENAME("outbox"), 2, {INT4OID, TEXTOID}},
	{"UPDATE qlm.outbox SET asker_peer = $2 WHERE asker_peer_id = $1", 2, {INT4OID, TEXTOID}},
	{RENAME("subscription"), 2, {INT4OID, TEXTOID}},
	{RENAME("gathering"), 2, {INT4OID, TEXTOID}},
	{RENAME("forwarding"), 2, {INT4OID, TEXTOID}},
	{RENAME("executed"), 2, {INT4OID, TEXTOID}}
};

/* Of the peers just inserted, those with numbers from a dump */
#define FROM_DUMP \
	"new_peers AS n WHERE n.peer_id OPERATOR(pg_catalog.>) (SELECT CASE WHEN is_called THEN last_value" \
	" ELSE 0 END FROM qlm.peer_seq)"
#define ADOPT(table, id, name) \
	"UPDATE qlm." table " AS t SET " id " = n.peer_id FROM " FROM_DUMP \
	" AND t." name " = n.name AND t." id " <= 0"

static const char *const adopt_statements[] = {
	ADOPT("outbox", "peer_id", "peer"),
	ADOPT("outbox", "asker_peer_id", "asker_peer"),
	ADOPT("subscription", "peer_id", "peer"),
	ADOPT("gathering", "peer_id", "peer"),
	ADOPT("forwarding", "peer_id", "peer"),
	ADOPT("executed", "peer_id", "peer")
};

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/*
 * qlm.peer_renamed(): after the name of a peer has changed, for each row
 */
Datum
qlm_trigger_peer_renamed(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	Datum		values[2];
	QlmRights	saved;

	values[0] = Int32GetDatum(qlm_trigger_int4(data, data->tg_newtuple, "peer_id"));
	values[1] = CStringGetTextDatum(qlm_trigger_text(data, data->tg_newtuple, "name"));
	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	renaming = true;
	PG_TRY();
	{
		for (int i = 0; i < lengthof(rename_plans); i++)
			qlm_plan_execute(&rename_plans[i], values, NULL, 0);
	}
	PG_FINALLY();
	{
		renaming = false;
	}
	PG_END_TRY();
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

static void
execute(const char *sql)
{
	int			result = SPI_execute(sql, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

/*
 * qlm.peer_added(): after INSERT on qlm.peer, with the new rows as transition
 * table.  Dumps of releases that knew peers by name only contain rows without
 * numbers, restored before the peers.  Only numbers that this node has not
 * given count as those of a dump: a new peer inherits nothing.
 */
Datum
qlm_trigger_peer_added(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	QlmRights	saved;

	if (!qlm_catalog_available())
		return PointerGetDatum(NULL);
	qlm_storage_begin();
	if (SPI_register_trigger_data(data) < 0)
		elog(ERROR, "could not register the new rows");
	qlm_rights_become_owner(&saved);
	execute("SELECT FROM " FROM_DUMP " LIMIT 1");
	if (SPI_processed > 0)
		for (int i = 0; i < lengthof(adopt_statements); i++)
			execute(adopt_statements[i]);
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

/* Returns the number of the peer that has this name now. */
static int
find_peer(const char *name)
{
	Datum		values[1] = {CStringGetTextDatum(name)};
	int			peer_id = QLM_PEER_UNKNOWN;
	bool		isnull;

	qlm_storage_begin();
	qlm_plan_execute_as_owner(&find_plan, values, NULL);
	if (SPI_processed > 0)
		peer_id = DatumGetInt32(qlm_spi_datum(0, 1, &isnull));
	qlm_storage_end();
	return peer_id;
}

/*
 * Returns the row with the number of the peer that it names, if the number is
 * missing.
 */
static HeapTuple
fill_in(const TriggerData *data, HeapTuple row, const char *name_column,
		const char *column_of_id)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	char	   *name = qlm_trigger_text(data, row, name_column);
	int			peer_id = qlm_trigger_int4(data, row, column_of_id);
	int			number = SPI_fnumber(desc, column_of_id);
	bool		isnull = false;
	Datum		value;

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		(same_text(name, qlm_trigger_text(data, data->tg_trigtuple, name_column)) ||
		 peer_id != qlm_trigger_int4(data, data->tg_trigtuple, column_of_id)))
		return row;
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event) && (name == NULL) == (peer_id == 0))
		return row;
	value = Int32GetDatum(name ? find_peer(name) : QLM_PEER_NONE);
	return heap_modify_tuple_by_cols(row, desc, 1, &number, &value, &isnull);
}

/*
 * qlm.find_peer(): before a row is written that has the name of a peer but not
 * its number
 */
Datum
qlm_trigger_find_peer(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	HeapTuple	row = qlm_trigger_row(data);

	if (renaming || !qlm_catalog_available())
		return PointerGetDatum(row);
	row = fill_in(data, row, "peer", "peer_id");
	if (SPI_fnumber(RelationGetDescr(data->tg_relation), "asker_peer") > 0)
		row = fill_in(data, row, "asker_peer", "asker_peer_id");
	return PointerGetDatum(row);
}
