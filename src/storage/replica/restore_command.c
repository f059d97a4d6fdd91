/*
 * restore_command.c
 *		Commands of a dump that need more of the extension than the dump
 *		contains.
 *
 * To pg_dump partitions of qlm.value are ordinary tables, and their parent is
 * a member of the extension.  So the dump contains what was added to the
 * parent only as parts of the partitions.  This recreates it on the parent,
 * just before it is needed.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/replica/restore.h"

PG_FUNCTION_INFO_V1(qlm_trigger_before_command);
PG_FUNCTION_INFO_V1(qlm_sql_tie_to_extension);
PG_FUNCTION_INFO_V1(qlm_sql_is_restored);
PG_FUNCTION_INFO_V1(qlm_sql_is_restoring);
PG_FUNCTION_INFO_V1(qlm_sql_is_superuser);
PG_FUNCTION_INFO_V1(qlm_sql_note_whole_dump);

/*
 * Set if this session has created the extension, was told so, or has restored
 * rows that show it
 */
static bool whole_dump = false;

static bool
is_in_schema(const RangeVar *relation)
{
	return relation->schemaname != NULL && strcmp(relation->schemaname, "qlm") == 0;
}

/* Is it the name of a partition of qlm.value, with a year, month or day? */
static bool
is_partition_name(const char *name)
{
	const char *digits = "0123456789_";

	return strncmp(name, "value_", 6) == 0 && strlen(name) >= 10 &&
		strspn(name + 6, digits) == strlen(name + 6);
}

/*
 * pg_dump -n qlm, or -t, leaves out the extension, and with it all tables but
 * partitions.  Their values would belong to whatever InfoItems have these ids
 * here.
 */
static void
require_whole_dump(const char *partition)
{
	if (whole_dump || !qlm_restore_is_active())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("partition \"%s\" of qlm.value would be restored without the rest of the node", partition),
			 errdetail("This dump has not created extension qlm before, so it has no Objects, InfoItems, peers and subscriptions."),
			 errhint("Dump the whole database, or with -e qlm besides -n qlm. To load values alone, restore with --data-only into partitions that qlm_make_partitions() has made.")));
}

static void
call(const char *sql, int n, Oid type, Datum first, Oid second)
{
	Oid			types[2] = {type, OIDOID};
	Datum		values[2] = {first, ObjectIdGetDatum(second)};

	qlm_storage_begin();
	if (SPI_execute_with_args(sql, n, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
	qlm_storage_end();
}

/*
 * ALTER TABLE qlm.value ATTACH PARTITION: adds columns that only the partition
 * has.
 */
static void
attach_table(const RangeVar *parent, const PartitionCmd *command)
{
	Oid			partition;

	if (strcmp(parent->relname, "value") != 0 || !qlm_restore_is_active())
		return;
	require_whole_dump(command->name->relname);
	partition = RangeVarGetRelid(command->name, NoLock, true);
	if (OidIsValid(partition))
		call("SELECT qlm.restore_columns($1, $2)", 2, REGCLASSOID,
			 ObjectIdGetDatum(qlm_catalog_relid(QLM_REL_VALUE)), partition);
}

/* ALTER INDEX ... ATTACH PARTITION for an index that qlm.value does not have */
static void
attach_index(const RangeVar *parent, const PartitionCmd *command)
{
	Oid			part = RangeVarGetRelid(command->name, NoLock, true);
	Oid			table;

	if (!OidIsValid(part) || OidIsValid(RangeVarGetRelid(parent, NoLock, true)))
		return;
	table = IndexGetRelation(part, true);
	if (OidIsValid(table) && get_rel_relispartition(table) &&
		get_partition_parent(table, false) == qlm_catalog_relid(QLM_REL_VALUE) &&
		qlm_restore_is_active())
	{
		/* One session at a time, without a lock that others could wait for */
		LockDatabaseObject(RelationRelationId, qlm_catalog_relid(QLM_REL_VALUE), 1,
						   ExclusiveLock);
		call("SELECT qlm.restore_index($1, $2)", 2, TEXTOID,
			 CStringGetTextDatum(parent->relname), part);
	}
}

/*
 * ALTER TABLE ONLY ... DROP CONSTRAINT, with which --clean begins: a partition
 * can lose a constraint only together with its parent.  All of it is about to
 * be dropped.
 */
static void
drop_constraint(const RangeVar *relation, const char *name)
{
	Oid			relid = RangeVarGetRelid(relation, NoLock, true);
	Oid			constraint = OidIsValid(relid) ?
		get_relation_constraint_oid(relid, name, true) : InvalidOid;
	Oid			index = OidIsValid(constraint) ?
		get_constraint_index(constraint) : InvalidOid;

	if (OidIsValid(index) && get_rel_relispartition(index) &&
		get_rel_relispartition(relid) &&
		get_partition_parent(relid, true) == qlm_catalog_relid(QLM_REL_VALUE) &&
		qlm_restore_is_active())
		call("SELECT qlm.release_partition($1)", 1, REGCLASSOID,
			 ObjectIdGetDatum(relid), InvalidOid);
}

static void
before_alter(const AlterTableStmt *statement)
{
	ListCell   *lc;

	if (!is_in_schema(statement->relation))
		return;
	foreach(lc, statement->cmds)
	{
		AlterTableCmd *command = lfirst(lc);

		if (!qlm_catalog_available())
			return;
		if (command->subtype == AT_DropConstraint && command->name != NULL)
			drop_constraint(statement->relation, command->name);
		if (command->subtype != AT_AttachPartition)
			continue;
		if (statement->objtype == OBJECT_INDEX)
			attach_index(statement->relation, (PartitionCmd *) command->def);
		else
			attach_table(statement->relation, (PartitionCmd *) command->def);
	}
}

/*
 * With --clean triggers of partitions are dropped first; then those on other
 * tables are dropped here.  Types are dropped last; a type with the columns of
 * a table drops the table, too.
 */
static void
before_drop(const DropStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		Node	   *object = lfirst(lc);

		if (statement->removeType == OBJECT_TRIGGER && list_length((List *) object) == 3 &&
			strcmp(strVal(linitial((List *) object)), "qlm") == 0 &&
			is_partition_name(strVal(lsecond((List *) object))) &&
			qlm_catalog_available() && qlm_restore_is_active())
			call("SELECT qlm.clear_tables()", 0, InvalidOid, (Datum) 0, InvalidOid);
		if (statement->removeType == OBJECT_TYPE && list_length(((TypeName *) object)->names) == 2 &&
			strcmp(strVal(linitial(((TypeName *) object)->names)), "qlm") == 0 &&
			qlm_catalog_available() && qlm_restore_is_active())
		{
			Oid			type = LookupTypeNameOid(NULL, (TypeName *) object, true);

			if (OidIsValid(type))
				call("SELECT qlm.drop_columns($1)", 1, OIDOID, ObjectIdGetDatum(type), InvalidOid);
		}
	}
}

/*
 * qlm.before_command(): runs for every command in the database, so it must
 * return quickly for most of them.
 */
Datum
qlm_trigger_before_command(PG_FUNCTION_ARGS)
{
	Node	   *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "qlm.before_command() is an event trigger");
	command = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (IsA(command, AlterTableStmt))
		before_alter((AlterTableStmt *) command);
	else if (IsA(command, DropStmt))
		before_drop((DropStmt *) command);
	else if (IsA(command, CreateExtensionStmt))
		whole_dump |= strcmp(((CreateExtensionStmt *) command)->extname, "qlm") == 0;
	else if (IsA(command, CreateStmt))
	{
		RangeVar   *relation = ((CreateStmt *) command)->relation;

		if (is_in_schema(relation) && is_partition_name(relation->relname) &&
			qlm_catalog_available())
			require_whole_dump(relation->relname);
	}
	PG_RETURN_NULL();
}

/*
 * qlm.note_whole_dump(): called once it is clear that the dump contains a
 * whole node
 */
Datum
qlm_sql_note_whole_dump(PG_FUNCTION_ARGS)
{
	whole_dump = true;
	PG_RETURN_VOID();
}

Datum
qlm_sql_is_restoring(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!creating_extension && qlm_restore_is_active());
}

/*
 * qlm.is_restored(): called by the script of the extension, so the session
 * learns that it creates it
 */
Datum
qlm_sql_is_restored(PG_FUNCTION_ARGS)
{
	whole_dump |= creating_extension;
	PG_RETURN_BOOL(creating_extension && qlm_restore_has_settings());
}

Datum
qlm_sql_is_superuser(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(superuser() && superuser_arg(GetOuterUserId()));
}

/*
 * qlm.tie_to_extension(type): the type is dropped with the extension, but
 * dumped, unlike a member.  ALTER ... DEPENDS ON EXTENSION does not support
 * types.
 */
Datum
qlm_sql_tie_to_extension(PG_FUNCTION_ARGS)
{
	ObjectAddress type;
	ObjectAddress extension;
	Oid			schema = get_namespace_oid("qlm", false);
	Oid			relid;
	const char *name;

	ObjectAddressSet(type, TypeRelationId, PG_GETARG_OID(0));
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("qlm", false));
	relid = get_typ_typrelid(type.objectId);
	name = OidIsValid(relid) ? get_rel_name(relid) : NULL;
	if (name == NULL || get_rel_namespace(relid) != schema ||
		(strncmp(name, "columns_of_", 11) != 0 && strncmp(name, "secured_", 8) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the type carries nothing of a table of qlm")));
	(void) deleteDependencyRecordsForSpecific(TypeRelationId, type.objectId,
											  DEPENDENCY_EXTENSION,
											  ExtensionRelationId, extension.objectId);
	(void) deleteDependencyRecordsForSpecific(TypeRelationId, type.objectId,
											  DEPENDENCY_AUTO_EXTENSION,
											  ExtensionRelationId, extension.objectId);
	recordDependencyOn(&type, &extension, DEPENDENCY_AUTO_EXTENSION);
	PG_RETURN_VOID();
}
