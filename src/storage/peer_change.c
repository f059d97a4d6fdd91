/*
 * peer_change.c
 *		Triggers on peers and on what names them: who may change a peer, and
 *		that names follow while numbers stay.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/path.h"
#include "storage/catalog.h"
#include "storage/credential.h"
#include "storage/peer.h"

PG_FUNCTION_INFO_V1(qlm_check_peer);
PG_FUNCTION_INFO_V1(qlm_peer_renamed);
PG_FUNCTION_INFO_V1(qlm_peer_added);
PG_FUNCTION_INFO_V1(qlm_find_peer);
PG_FUNCTION_INFO_V1(qlm_paths_are_stored);
PG_FUNCTION_INFO_V1(qlm_credential_is_hash);

/* Names are being changed to follow their peers. */
static bool renaming = false;

static QlmPlan roles_plan = {
	"SELECT DISTINCT role::pg_catalog.text FROM qlm.peer", 0, {0}
};

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

/* Of those just inserted, the ones with numbers that come from a dump */
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

bool
qlm_peer_may_act(Oid role)
{
	return qlm_may_become(GetUserId(), role);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function is for triggers of qlm alone")));
	return (TriggerData *) fcinfo->context;
}

static Datum
column(const TriggerData *data, HeapTuple row, const char *name, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			number = SPI_fnumber(desc, name);

	if (number <= 0)
		elog(ERROR, "relation \"%s\" has no column \"%s\"",
			 RelationGetRelationName(data->tg_relation), name);
	return SPI_getbinval(row, desc, number, isnull);
}

static int
id_column(const TriggerData *data, HeapTuple row, const char *name)
{
	bool		isnull;
	Datum		id = column(data, row, name, &isnull);

	return isnull ? 0 : DatumGetInt32(id);
}

static char *
text_column(const TriggerData *data, HeapTuple row, const char *name)
{
	bool		isnull;
	Datum		value = column(data, row, name, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * Who has a peer in hand has what it may, so he must be allowed that already.
 * A role that is gone gives nothing.
 */
static void
require_old_role(const char *role_name, const char *peer)
{
	Oid			role = get_role_oid(role_name, true);

	if (!OidIsValid(role) || qlm_peer_may_act(role))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 peer ?
			 errmsg("peer \"%s\" has the rights of role \"%s\", and you are no member of it",
					peer, role_name) :
			 errmsg("a peer has the rights of role \"%s\", and you are no member of it",
					role_name),
			 errhint("Whoever changes or removes a peer must be a member of its role.")));
}

/* One that does not exist yet, as while a dump is restored, is for superusers. */
static void
require_new_role(const char *role_name)
{
	Oid			role = get_role_oid(role_name, true);

	if (OidIsValid(role) ? qlm_peer_may_act(role) : superuser())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a peer cannot have role \"%s\": you are no member of it", role_name)));
}

static char *
role_of(const TriggerData *data, HeapTuple row)
{
	bool		isnull;
	Datum		role = column(data, row, "role", &isnull);

	return isnull ? NULL : pstrdup(NameStr(*DatumGetName(role)));
}

static void
check_all_roles(void)
{
	QlmRights	saved;

	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&roles_plan, NULL, NULL, 0);
	qlm_rights_restore(&saved);
	for (uint64 row = 0; row < SPI_processed; row++)
		require_old_role(qlm_spi_text(row, 1), NULL);
	qlm_storage_end();
}

static void
check_number(const TriggerData *data)
{
	if (id_column(data, data->tg_trigtuple, "peer_id") !=
		id_column(data, data->tg_newtuple, "peer_id"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of a peer cannot be changed"),
				 errdetail("Messages, subscriptions and values know it by that.")));
}

/*
 * The node itself notes how a peer fares and where its Objects are.  Who it is
 * and what it may is not the node's to change, nor that of rules and functions
 * which its statements meet.
 */
static bool
is_note_of_node(const TriggerData *data)
{
	static const char *const identity[] = {"name", "url", "role", "credential", "secret", "by_name"};

	if (GetUserId() != qlm_catalog_owner() || !TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		return false;
	for (int i = 0; i < lengthof(identity); i++)
	{
		TupleDesc	desc = RelationGetDescr(data->tg_relation);
		int			number = SPI_fnumber(desc, identity[i]);
		char	   *before = SPI_getvalue(data->tg_trigtuple, desc, number);
		char	   *after = SPI_getvalue(data->tg_newtuple, desc, number);

		if (before && after ? strcmp(before, after) != 0 : before != after)
			return false;
	}
	return true;
}

/*
 * qlm.check_peer(): before any change of qlm.peer
 */
Datum
qlm_check_peer(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	HeapTuple	new = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
		data->tg_newtuple : data->tg_trigtuple;
	char	   *role;

	if (!qlm_catalog_available())
		return PointerGetDatum(new);
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event))
	{
		check_all_roles();
		return PointerGetDatum(NULL);
	}
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		check_number(data);
	if (is_note_of_node(data))
		return PointerGetDatum(new);
	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		require_old_role(role_of(data, data->tg_trigtuple),
						 text_column(data, data->tg_trigtuple, "name"));
	role = TRIGGER_FIRED_BY_DELETE(data->tg_event) ? NULL : role_of(data, new);
	if (role)
		require_new_role(role);
	return PointerGetDatum(new);
}

/*
 * qlm.peer_renamed(): after the name of a peer has changed, for each row
 */
Datum
qlm_peer_renamed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	Datum		values[2];
	QlmRights	saved;

	values[0] = Int32GetDatum(id_column(data, data->tg_newtuple, "peer_id"));
	values[1] = CStringGetTextDatum(text_column(data, data->tg_newtuple, "name"));
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
 * qlm.peer_added(): after INSERT on qlm.peer, with the new rows as a transition
 * table.  Dumps of releases that knew peers by name alone have messages and the
 * like without numbers, which come before the peers.  Only numbers that this
 * node has not given are taken for a dump's: a new peer inherits nothing.
 */
Datum
qlm_peer_added(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
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

/* The number of the peer that has this name now */
static int
find_peer(const char *name)
{
	Datum		values[1] = {CStringGetTextDatum(name)};
	int			peer_id = QLM_PEER_UNKNOWN;
	QlmRights	saved;
	bool		isnull;

	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&find_plan, values, NULL, 1);
	qlm_rights_restore(&saved);
	if (SPI_processed > 0)
		peer_id = DatumGetInt32(qlm_spi_datum(0, 1, &isnull));
	qlm_storage_end();
	return peer_id;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The row with the number that its name asks for, where that is not there */
static HeapTuple
fill_in(const TriggerData *data, HeapTuple row, const char *name_column,
		const char *column_of_id)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	char	   *name = text_column(data, row, name_column);
	int			peer_id = id_column(data, row, column_of_id);
	int			number = SPI_fnumber(desc, column_of_id);
	bool		isnull = false;
	Datum		value;

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		(same_text(name, text_column(data, data->tg_trigtuple, name_column)) ||
		 peer_id != id_column(data, data->tg_trigtuple, column_of_id)))
		return row;
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event) && (name == NULL) == (peer_id == 0))
		return row;
	value = Int32GetDatum(name ? find_peer(name) : QLM_PEER_NONE);
	return heap_modify_tuple_by_cols(row, desc, 1, &number, &value, &isnull);
}

/*
 * qlm.find_peer(): before a row is written that names a peer without its number
 */
Datum
qlm_find_peer(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
		data->tg_newtuple : data->tg_trigtuple;

	if (renaming || !qlm_catalog_available())
		return PointerGetDatum(row);
	row = fill_in(data, row, "peer", "peer_id");
	if (SPI_fnumber(RelationGetDescr(data->tg_relation), "asker_peer") > 0)
		row = fill_in(data, row, "asker_peer", "asker_peer_id");
	return PointerGetDatum(row);
}

/* Are all of them paths as they are stored? */
Datum
qlm_paths_are_stored(PG_FUNCTION_ARGS)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (nulls[i] || !qlm_path_is_stored(TextDatumGetCString(elements[i])))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

Datum
qlm_credential_is_hash(PG_FUNCTION_ARGS)
{
	QlmCredential credential;

	qlm_credential_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &credential);
	PG_RETURN_BOOL(credential.valid);
}
