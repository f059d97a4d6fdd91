/*
 * catalog.c
 *		The extension's own relations.
 *
 * Knowledge of the catalog is refreshed after any invalidation of one of our
 * relations, so that DROP and CREATE EXTENSION are noticed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "storage/core/catalog.h"
#include "storage/core/catalog_missing.h"

static const char *const relation_names[QLM_NRELATIONS] = {
	[QLM_REL_OBJECT] = "object",
	[QLM_REL_OBJECT_ID] = "object_id",
	[QLM_REL_OBJECT_SEQ] = "object_seq",
	[QLM_REL_INFO_ITEM] = "info_item",
	[QLM_REL_NAMES] = "info_item_seq",
	[QLM_REL_META_DATA] = "meta_data",
	[QLM_REL_VALUE] = "value",
	[QLM_REL_VALUE_DEFAULT] = "value_default",
	[QLM_REL_PEER] = "peer",
	[QLM_REL_OUTBOX] = "outbox",
	[QLM_REL_SUBSCRIPTION] = "subscription",
	[QLM_REL_RETENTION] = "retention",
	[QLM_REL_HISTORY] = "history",
	[QLM_REL_CUSTOMIZATION] = "customization",
	[QLM_REL_PLACE] = "place",
};

static bool loaded = false;
static bool current = false;	/* the extension has the version of this library */
static bool incomplete = false;	/* a restore is not complete */
static bool complete_known = false; /* incomplete is known for this generation */
static Oid	relids[QLM_NRELATIONS];
static Oid	owner = InvalidOid;
static uint64 generations[QLM_NRELATIONS];

static void
relation_changed(Datum arg, Oid relid)
{
	for (int i = 0; i < QLM_NRELATIONS; i++)
	{
		if (relid == InvalidOid || relids[i] == relid)
		{
			generations[i]++;
			loaded = false;
		}
	}
}

/*
 * Peers and subscriptions are cached with the OIDs of their roles, which
 * change when roles are created, renamed or dropped.
 */
static void
role_changed(Datum arg, int cache_id, uint32 hash)
{
	generations[QLM_REL_PEER]++;
	generations[QLM_REL_SUBSCRIPTION]++;
}

/* Plans are made anew, too.  The schema may have been renamed. */
static void
schema_changed(Datum arg, int cache_id, uint32 hash)
{
	loaded = false;
}

static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return result;
}

/*
 * Does the extension have the version of this library, with no script running?
 */
static bool
is_current(Oid extension)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		isnull;
	Datum		version;
	bool		result = false;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		version = heap_getattr(tuple, Anum_pg_extension_extversion,
							   RelationGetDescr(relation), &isnull);
		result = strcmp(TextDatumGetCString(version), QLM_VERSION) == 0;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return result;
}

/* Does a table have rows?  The session needs no right to read it. */
static bool
has_rows(Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(relation, 0, NULL);
	bool		result = heap_getnext(scan, ForwardScanDirection) != NULL;

	table_endscan(scan);
	table_close(relation, AccessShareLock);
	return result;
}

/*
 * Another schema may be called qlm, too: only one that belongs to the
 * extension counts.
 */
static bool
look_up(void)
{
	Oid			schema = get_namespace_oid("qlm", true);
	Oid			extension;

	if (!OidIsValid(schema))
		return false;
	extension = get_extension_oid("qlm", true);
	if (!OidIsValid(extension) ||
		getExtensionOfObject(NamespaceRelationId, schema) != extension)
		return false;
	for (int i = 0; i < QLM_NRELATIONS; i++)
	{
		Oid			relid = get_relname_relid(relation_names[i], schema);

		if (!OidIsValid(relid) && i < QLM_REL_CUSTOMIZATION)
			return false;
		if (relids[i] != relid)
			generations[i]++;
		relids[i] = relid;
	}
	current = is_current(extension);
	complete_known = false;
	owner = relation_owner(relids[QLM_REL_OBJECT]);
	return OidIsValid(owner);
}

static void
load(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
		registered = true;
	}
	if (!loaded || !current)	/* a new version sends no invalidation */
		loaded = look_up();
}

/*
 * Returns false while a script creates or updates the extension, as the
 * version is still the old one then.
 */
bool
qlm_catalog_available(void)
{
	load();
	return loaded && (current || creating_extension);
}

bool
qlm_catalog_outdated(void)
{
	return loaded && !current;
}

bool
qlm_catalog_damaged(const char **why, const char **hint)
{
	return !loaded && qlm_catalog_missing(relation_names, QLM_REL_CUSTOMIZATION, why, hint);
}

bool
qlm_catalog_incomplete(void)
{
	return loaded && current && incomplete;
}

void
qlm_catalog_look_at_restore(void)
{
	Oid			relid = relids[QLM_REL_CUSTOMIZATION];

	if (!loaded || !current || complete_known)
		return;
	if (!OidIsValid(relid))
		incomplete = false;
	else if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return;
	else
	{
		incomplete = has_rows(relid);
		UnlockRelationOid(relid, AccessShareLock);
	}
	complete_known = true;
}

static void
require_extension(void)
{
	const char *why;
	const char *hint;

	load();
	if (loaded)
		return;
	(void) qlm_catalog_damaged(&why, &hint);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("%s", why), errhint("%s", hint)));
}

Oid
qlm_catalog_relid(QlmRelation relation)
{
	require_extension();
	return relids[relation];
}

Oid
qlm_catalog_owner(void)
{
	require_extension();
	if (!qlm_catalog_available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension qlm does not have version %s, which this server's library is of", QLM_VERSION),
				 errhint("ALTER EXTENSION qlm UPDATE; if it says that the version is installed already, restart the server.")));
	return owner;
}

Oid
qlm_catalog_function(const char *name)
{
	return LookupFuncName(list_make2(makeString("qlm"), makeString(pstrdup(name))),
						  0, NULL, true);
}

uint64
qlm_catalog_generation(QlmRelation relation)
{
	require_extension();
	return generations[relation];
}

void
qlm_catalog_invalidate(Oid relid)
{
	CacheInvalidateRelcacheByRelid(relid);
}

void
qlm_catalog_invalidate_once(QlmRelation relation)
{
	static FullTransactionId transactions[QLM_NRELATIONS];
	static SubTransactionId subtransactions[QLM_NRELATIONS];
	FullTransactionId transaction = GetTopFullTransactionId();
	SubTransactionId subtransaction = GetCurrentSubTransactionId();
	Oid			relid = qlm_catalog_relid(relation);

	generations[relation]++;
	if (FullTransactionIdEquals(transactions[relation], transaction) &&
		subtransactions[relation] == subtransaction)
		return;
	transactions[relation] = transaction;
	subtransactions[relation] = subtransaction;
	qlm_catalog_invalidate(relid);
}
