/*
 * node_place.c
 *		The marker of the place where a node is, and what follows from it.
 *
 * A node is at its place if qlm.place has the row of this place and no other.
 * A row that was copied, by a restore or by logical replication, makes the
 * node hold, too.  So whatever order rows are copied in, nothing can leave
 * before the marker was copied.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "process/wake_key.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/replica/node_place.h"
#include "storage/replica/node_place_compare.h"
#include "storage/replica/node_place_here.h"
#include "storage/replica/restore.h"

bool		qlm_outgoing = true;

/* The verdict on the rows, until they change */
static struct
{
	bool		known;
	uint64		generation;
	char		name[QLM_NODE_PLACE_TEXT];	/* the setting that was used */
	QlmNodePlaceVerdict verdict;
	char		why[QLM_NODE_PLACE_REASON];
} state;

/* Rows of other nodes come first. */
static QlmPlan read_plan = {
	"SELECT arrived, name, system_identifier, database_id, timeline, machine, host, directory,"
	" inode, born, file_system, disk, (xmin = writer) IS TRUE AS carried,"
	" pg_catalog.count(*) OVER () FROM qlm.place ORDER BY arrived, since",
	0, {0}
};

static QlmPlan clear_plan = {"DELETE FROM qlm.place", 0, {0}};

static QlmPlan write_plan = {
	"INSERT INTO qlm.place (name, system_identifier, database_id, timeline, machine, host,"
	" directory, inode, born, file_system, disk, writer)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	12, {TEXTOID, INT8OID, OIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID,
	TEXTOID, TEXTOID, XIDOID}
};

static QlmPlan arrive_plan = {
	"INSERT INTO qlm.place (arrived) SELECT $1"
	" WHERE NOT EXISTS (SELECT FROM qlm.place WHERE arrived = $1)",
	1, {TEXTOID}
};

static void
read_text(uint64 row, int column, char *text, Size size)
{
	char	   *value = qlm_spi_text(row, column);

	strlcpy(text, value ? value : "", size);
}

static int64
read_number(uint64 row, int column)
{
	bool		isnull;
	Datum		value = qlm_spi_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static void
read_marker(QlmNodePlace *marker)
{
	bool		isnull;

	read_text(0, 2, marker->name, sizeof(marker->name));
	marker->system_identifier = (uint64) read_number(0, 3);
	marker->database_id = DatumGetObjectId(qlm_spi_datum(0, 4, &isnull));
	marker->timeline = DatumGetInt32(qlm_spi_datum(0, 5, &isnull));
	read_text(0, 6, marker->machine, sizeof(marker->machine));
	read_text(0, 7, marker->host, sizeof(marker->host));
	read_text(0, 8, marker->directory, sizeof(marker->directory));
	marker->inode = (uint64) read_number(0, 9);
	marker->born = read_number(0, 10);
	read_text(0, 11, marker->file_system, sizeof(marker->file_system));
	read_text(0, 12, marker->disk, sizeof(marker->disk));
}

/* Judges the rows that the plan has read. */
static QlmNodePlaceVerdict
judge(char *why)
{
	QlmNodePlace marker = {0};
	char	   *arrived;
	bool		isnull;

	why[0] = '\0';
	if (SPI_processed == 0)
		return QLM_NODE_PLACE_UNKNOWN;
	arrived = qlm_spi_text(0, 1);
	if (arrived)
	{
		snprintf(why, QLM_NODE_PLACE_REASON, "its rows came by %s", arrived);
		return QLM_NODE_PLACE_COPY;
	}
	if (SPI_processed > 1)
	{
		strlcpy(why, "rows of another node have come to its own", QLM_NODE_PLACE_REASON);
		return QLM_NODE_PLACE_COPY;
	}
	read_marker(&marker);
	return qlm_node_place_compare(&marker, qlm_node_place_here(),
								  DatumGetBool(qlm_spi_datum(0, 13, &isnull)), why);
}

/* A standby sends nothing, so it need not hold. */
static void
look(void)
{
	const char *name = qlm_node_place_name ? qlm_node_place_name : "";
	uint64		generation = qlm_catalog_generation(QLM_REL_PLACE);
	QlmRights	saved;

	if (RecoveryInProgress() ||
		(state.known && state.generation == generation && strcmp(state.name, name) == 0))
		return;
	state.known = false;
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&read_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
	state.verdict = judge(state.why);
	SPI_freetuptable(SPI_tuptable);
	state.generation = generation;
	strlcpy(state.name, name, sizeof(state.name));
	state.known = true;
}

bool
qlm_node_place_holds(void)
{
	look();
	return state.known && state.verdict == QLM_NODE_PLACE_COPY;
}

bool
qlm_node_place_holds_now(void)
{
	state.known = false;
	return qlm_node_place_holds();
}

const char *
qlm_node_place_why(void)
{
	return state.why;
}

static void
write_marker(void)
{
	const QlmNodePlace *here = qlm_node_place_here();
	Datum		values[12];
	char		nulls[] = "            ";
	QlmRights	saved;

	values[0] = CStringGetTextDatum(here->name);
	values[1] = Int64GetDatum((int64) here->system_identifier);
	values[2] = ObjectIdGetDatum(here->database_id);
	values[3] = Int32GetDatum(here->timeline);
	values[4] = CStringGetTextDatum(here->machine);
	values[5] = CStringGetTextDatum(here->host);
	values[6] = CStringGetTextDatum(here->directory);
	values[7] = Int64GetDatum((int64) here->inode);
	values[8] = Int64GetDatum(here->born);
	values[9] = CStringGetTextDatum(here->file_system);
	values[10] = CStringGetTextDatum(here->disk);
	/* The xmin of the row, also in a subtransaction */
	values[11] = TransactionIdGetDatum(GetCurrentTransactionId());
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&clear_plan, NULL, NULL, 0);
	qlm_plan_execute(&write_plan, values, nulls, 0);
	qlm_rights_restore(&saved);
}

void
qlm_node_place_note(void)
{
	look();
	if (!state.known || XactReadOnly ||
		(state.verdict != QLM_NODE_PLACE_UNKNOWN && state.verdict != QLM_NODE_PLACE_MOVED))
		return;
	if (state.why[0] != '\0')
		ereport(LOG,
				(errmsg("qlm goes on in directory \"%s\": %s", qlm_node_place_here()->directory, state.why)));
	write_marker();
}

/* Makes the rows this node's.  Returns whether it was holding. */
static bool
adopt(void)
{
	bool		held = qlm_node_place_holds();

	if (state.verdict != QLM_NODE_PLACE_SAME)
		write_marker();
	return held;
}

/* Notes that rows of another node have come. */
static void
note_arrival(const char *how)
{
	Datum		values[1] = {CStringGetTextDatum(how)};

	qlm_plan_execute_as_owner(&arrive_plan, values, NULL);
}

PG_FUNCTION_INFO_V1(qlm_trigger_place_changed);

/* qlm.place_changed(): after any change of qlm.place, whoever makes it */
Datum
qlm_trigger_place_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);

	qlm_wake_pending |= QLM_WAKE_OUTBOX;
	qlm_catalog_invalidate(RelationGetRelid(data->tg_relation));
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_trigger_rows_arrived);

/*
 * qlm.rows_arrived(): after rows have come that may leave.  For statements it
 * checks whether a dump is restored.  For rows it is only fired by applied
 * changes of another server.
 */
Datum
qlm_trigger_rows_arrived(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	bool		by_row;

	by_row = TRIGGER_FIRED_FOR_ROW(data->tg_event);
	/* After --disable-triggers it is fired for rows of this node, too. */
	if (by_row ? SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA : !qlm_restore_is_active())
		return PointerGetDatum(NULL);
	qlm_storage_begin();
	note_arrival(by_row ? "replication" : "a restore");
	qlm_storage_end();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(qlm_sql_note_place);

/*
 * qlm.note_place(): called in scripts of the extension, where the rows are
 * this node's
 */
Datum
qlm_sql_note_place(PG_FUNCTION_ARGS)
{
	qlm_storage_begin();
	qlm_node_place_note();
	qlm_storage_end();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(qlm_sql_adopt);

/* qlm_adopt() returns boolean: whether the node was holding */
Datum
qlm_sql_adopt(PG_FUNCTION_ARGS)
{
	bool		held;

	PreventCommandIfReadOnly("qlm_adopt()");
	qlm_storage_begin();
	held = adopt();
	qlm_storage_end();
	PG_RETURN_BOOL(held);
}
