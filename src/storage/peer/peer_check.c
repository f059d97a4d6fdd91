/*
 * peer_check.c
 *		Checks who may add, change and drop peers, and whether a row of
 *		qlm.peer is valid.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/path.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/trigger.h"
#include "storage/peer/credential.h"
#include "storage/peer/peer.h"
#include "storage/peer/peer_constraints.h"
#include "storage/replica/restore.h"
#include "storage/replica/sequence.h"
#include "storage/role/role.h"

PG_FUNCTION_INFO_V1(qlm_trigger_check_peer);
PG_FUNCTION_INFO_V1(qlm_sql_paths_are_stored);
PG_FUNCTION_INFO_V1(qlm_sql_credential_is_hash);

static QlmPlan roles_plan = {
	"SELECT DISTINCT role::pg_catalog.text, role_id FROM qlm.peer", 0, {0}
};

static QlmPlan number_plan = {
	"SELECT FROM qlm.peer WHERE peer_id = $1", 1, {INT4OID}
};

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/*
 * Whoever controls a peer has its rights, so the user must have these already.
 * A dropped role gives no rights.
 */
static void
require_old_role(Oid role, const char *peer)
{
	const char *role_name;

	if (!OidIsValid(role) || qlm_peer_may_act(role))
		return;
	role_name = qlm_role_name(role);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 peer ?
			 errmsg("peer \"%s\" has the rights of role \"%s\", and you are not a member of it",
					peer, role_name) :
			 errmsg("a peer has the rights of role \"%s\", and you are not a member of it",
					role_name),
			 errhint("To change or remove a peer you must be a member of its role.")));
}

/*
 * Nobody is a member of a role that does not exist, but superusers are members
 * of all roles.
 */
static void
require_new_role(Oid role, const char *role_name)
{
	if (OidIsValid(role) ? !qlm_peer_may_act(role) : !superuser() && !qlm_restore_is_active())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a peer cannot have role \"%s\": you are not a member of it", role_name)));
}

static char *
role_name_of(const TriggerData *data, HeapTuple row)
{
	bool		isnull;
	Datum		role = qlm_trigger_column(data, row, "role", &isnull);

	return isnull ? NULL : pstrdup(NameStr(*DatumGetName(role)));
}

/* Before the update to this version the column does not exist. */
static int64
role_number_of(const TriggerData *data, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			number = SPI_fnumber(desc, "role_id");
	bool		isnull;

	return number > 0 ? DatumGetInt64(SPI_getbinval(row, desc, number, &isnull)) : 0;
}

static Oid
role_of(const TriggerData *data, HeapTuple row)
{
	return qlm_role_of(role_number_of(data, row), role_name_of(data, row));
}

static HeapTuple
set_role(const TriggerData *data, HeapTuple row, const char *name, Oid role)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			numbers[2] = {SPI_fnumber(desc, "role"), SPI_fnumber(desc, "role_id")};
	Name		role_name = palloc0(sizeof(NameData));
	Datum		values[2] = {NameGetDatum(role_name), Int64GetDatum(qlm_role_number(role))};
	bool		nulls[2] = {name == NULL, false};

	if (numbers[1] <= 0)
		return row;
	if (name)
		namestrcpy(role_name, name);
	return heap_modify_tuple_by_cols(row, desc, 2, numbers, values, nulls);
}

/*
 * A role name means the role that has this name now.  A dump may contain the
 * name of a role that does not exist: the peer has no role then, even if one
 * of that name is created later.
 */
static HeapTuple
give_role(const TriggerData *data, HeapTuple row)
{
	char	   *name = role_name_of(data, row);
	Oid			role = name ? get_role_oid(name, true) : InvalidOid;

	if (name)
		require_new_role(role, name);
	if (name == NULL || OidIsValid(role))
		return set_role(data, row, name, role);
	ereport(qlm_restore_is_active() ? WARNING : ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("role \"%s\" of peer \"%s\" does not exist", name,
					qlm_trigger_text(data, row, "name")),
			 qlm_restore_is_active() ?
			 errdetail("The peer is restored without a role, and is refused until it has one.") : 0,
			 errhint("Create the roles first. UPDATE qlm.peer SET role = ... gives a peer another role.")));
	return set_role(data, row, NULL, InvalidOid);
}

/* Does the statement set the role, even to the same value? */
static bool
sets_role(const TriggerData *data)
{
	int			number = SPI_fnumber(RelationGetDescr(data->tg_relation), "role");

	return TRIGGER_FIRED_BY_INSERT(data->tg_event) ||
		bms_is_member(number - FirstLowInvalidHeapAttributeNumber, data->tg_updatedcols);
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
	{
		bool		isnull;
		int64		number = DatumGetInt64(qlm_spi_datum(row, 2, &isnull));

		require_old_role(qlm_role_of(number, qlm_spi_text(row, 1)), NULL);
	}
	qlm_storage_end();
}

static void
check_number(const TriggerData *data)
{
	if (qlm_trigger_int4(data, data->tg_trigtuple, "peer_id") !=
		qlm_trigger_int4(data, data->tg_newtuple, "peer_id"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of a peer cannot be changed"),
				 errdetail("Messages, subscriptions and values know it by that.")));
}

/* Do both rows have the same role, and is its name in the new row correct? */
static bool
follows_role(const TriggerData *data)
{
	Oid			role = role_of(data, data->tg_trigtuple);
	char	   *before = role_name_of(data, data->tg_trigtuple);
	char	   *after = role_name_of(data, data->tg_newtuple);
	int64		number = role_number_of(data, data->tg_newtuple);

	if (number == role_number_of(data, data->tg_trigtuple) && same_text(before, after))
		return true;
	if (!OidIsValid(role))
		return after == NULL && number == 0;
	return number == qlm_role_number(role) && same_text(after, GetUserNameFromId(role, true));
}

/*
 * Is it an update by the node itself?  That may note how a peer fares, where
 * its Objects are, and that its role was renamed or dropped.  It may not
 * change the peer's identity or rights, nor may rules and functions that its
 * statements reach.
 */
static bool
is_note_of_node(const TriggerData *data)
{
	static const char *const identity[] = {"name", "url", "credential", "secret", "by_name", "proxy", "redirects"};

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
	if (follows_role(data))
		return true;
	/* A committed change may not have been announced yet. */
	InvalidateSystemCaches();
	return follows_role(data);
}

/*
 * Numbers of replicated peers are in use, though the sequence does not know
 * them.
 */
static void
require_free_number(const TriggerData *data)
{
	Datum		values[1] = {Int32GetDatum(qlm_trigger_int4(data, data->tg_trigtuple, "peer_id"))};
	bool		taken;

	if (qlm_restore_is_active())
		return;
	qlm_storage_begin();
	qlm_plan_execute_as_owner(&number_plan, values, NULL);
	taken = SPI_processed > 0;
	qlm_storage_end();
	if (taken)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a peer already has number %d", DatumGetInt32(values[0])),
				 errdetail("qlm.peer_seq is behind numbers that are in use."),
				 errhint("%s", QLM_ADVANCE_SEQUENCES)));
}

/* qlm.check_peer(): before any change of qlm.peer */
Datum
qlm_trigger_check_peer(PG_FUNCTION_ARGS)
{
	TriggerData *data = qlm_trigger_data(fcinfo, 0);
	HeapTuple	new = qlm_trigger_row(data);

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
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		require_free_number(data);
	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		require_old_role(role_of(data, data->tg_trigtuple),
						 qlm_trigger_text(data, data->tg_trigtuple, "name"));
	if (!TRIGGER_FIRED_BY_DELETE(data->tg_event) && sets_role(data))
		new = give_role(data, new);
	if (!TRIGGER_FIRED_BY_DELETE(data->tg_event))
		qlm_peer_constraints_check(data->tg_relation, new);
	return PointerGetDatum(new);
}

/* Are all of them paths in the form in which they are stored? */
Datum
qlm_sql_paths_are_stored(PG_FUNCTION_ARGS)
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
qlm_sql_credential_is_hash(PG_FUNCTION_ARGS)
{
	QlmCredential credential;

	qlm_credential_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &credential);
	PG_RETURN_BOOL(credential.valid);
}
