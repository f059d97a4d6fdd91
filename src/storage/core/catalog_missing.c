/*
 * catalog_missing.c
 *		Explains why the tables of the extension were not found.
 *
 * The schema belongs to the extension.  It may have been renamed, or one of
 * its tables.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "storage/core/catalog_missing.h"

/*
 * Returns the schema that the extension has created, whatever its name is, or
 * InvalidOid.
 */
static Oid
schema_of(Oid extension)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (!OidIsValid(schema) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend member = (Form_pg_depend) GETSTRUCT(tuple);

		if (member->classid == NamespaceRelationId && member->deptype == DEPENDENCY_EXTENSION)
			schema = member->objid;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return schema;
}

bool
qlm_catalog_missing(const char *const *names, int n, const char **why, const char **hint)
{
	Oid			extension = get_extension_oid("qlm", true);
	Oid			named = get_namespace_oid("qlm", true);
	Oid			schema = OidIsValid(extension) ? schema_of(extension) : InvalidOid;

	*why = "extension qlm is not installed in this database";
	*hint = "CREATE EXTENSION qlm;";
	if (!OidIsValid(extension))
		return false;
	if (!OidIsValid(schema))
	{
		*why = "schema qlm of extension qlm is gone";
		*hint = "Restore the database from a backup: the extension does not work without it.";
	}
	else if (schema != named)
	{
		const char *name = quote_identifier(get_namespace_name(schema));

		*why = psprintf("schema qlm of extension qlm is called %s now", name);
		*hint = psprintf("%sALTER SCHEMA %s RENAME TO qlm;",
						 OidIsValid(named) ? "Give the other schema that is called qlm another name, then: " : "", name);
	}
	else
		for (int i = 0; i < n; i++)
			if (!OidIsValid(get_relname_relid(names[i], schema)))
			{
				*why = psprintf("qlm.%s of extension qlm is not there", names[i]);
				*hint = "It was renamed, moved or dropped: undo that, as the extension does not work without it.";
				break;
			}
	return true;
}
