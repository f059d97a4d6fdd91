/*
 * rename.c
 *		qlm_rename(): gives an Object another first id, or an InfoItem another
 *		name.
 *
 * Values and everything else that refers to numbers need no change.
 * Everything that names a node by its path is changed: nodes below it, targets
 * of subscriptions, retention rules, handlers, and the Objects by which peers
 * are known.  Writers are kept out in the meantime, and find the new path
 * afterwards.
 *
 * Nodes are changed with the rights of the caller.  So are peers, since the
 * Objects by which they are known decide about rights.  Everything else
 * follows its node, whoever renames it, and gives nobody any rights.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/path.h"
#include "storage/core/catalog.h"
#include "storage/core/node_lock.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/object/rename_target.h"

PG_FUNCTION_INFO_V1(qlm_sql_rename);

/* $1: the path; $2: the new path */
#define BELOW(column) \
	"(" column " > ($1 || '/') COLLATE \"C\" AND " column " < ($1 || '0') COLLATE \"C\")"
#define AT_OR_BELOW(column) "(" column " = $1 OR " BELOW(column) ")"
#define MOVED(column) \
	"($2 || pg_catalog.substr(" column ", pg_catalog.length($1) + 1))"

/* $1: path */
static QlmPlan find_plan = {
	"SELECT o.object_id, false FROM qlm.object o WHERE o.path = $1"
	" UNION ALL SELECT i.info_item_id, true FROM qlm.info_item i WHERE i.path = $1",
	1, {TEXTOID}
};

static QlmPlan object_plan = {
	"UPDATE qlm.object SET id = $2, path = $3 WHERE object_id = $1",
	3, {INT4OID, TEXTOID, TEXTOID}
};

/* The new name is no longer an alias; the old one may become one. */
static QlmPlan item_plan = {
	"UPDATE qlm.info_item i SET name = $2, path = $3, alt_names ="
	" (SELECT NULLIF(COALESCE(pg_catalog.jsonb_agg(e.doc ORDER BY e.n), '[]'), '[]')"
	" FROM (SELECT a.doc, a.n FROM pg_catalog.jsonb_array_elements("
	"CASE pg_catalog.jsonb_typeof(i.alt_names) WHEN 'array' THEN i.alt_names"
	" ELSE '[]' END) WITH ORDINALITY AS a (doc, n)"
	" WHERE COALESCE(a.doc->>'id', a.doc#>>'{}') <> ALL (ARRAY[$2, i.name])"
	" UNION ALL SELECT pg_catalog.to_jsonb(i.name), 1000000000 WHERE $4) AS e)"
	" WHERE i.info_item_id = $1",
	4, {INT4OID, TEXTOID, TEXTOID, BOOLOID}
};

static QlmPlan objects_below_plan = {
	"UPDATE qlm.object SET path = " MOVED("path") " WHERE " BELOW("path"),
	2, {TEXTOID, TEXTOID}
};

static QlmPlan items_below_plan = {
	"UPDATE qlm.info_item SET path = " MOVED("path") " WHERE " BELOW("path"),
	2, {TEXTOID, TEXTOID}
};

static QlmPlan left_plan = {
	"SELECT FROM (SELECT path FROM qlm.object UNION ALL SELECT path FROM qlm.info_item) AS n"
	" WHERE " AT_OR_BELOW("n.path") " LIMIT 1",
	1, {TEXTOID}, .as_active = true
};

/*
 * Further ids of an Object; $1: its number, $2: the old id, $3: the new id.  A
 * further id that becomes the first keeps its attributes; otherwise those of
 * the old first id stay.
 */
static QlmPlan promote_plan = {
	"UPDATE qlm.object_id SET position = 0 WHERE object_id = $1 AND id = $3",
	3, {INT4OID, TEXTOID, TEXTOID}
};

static QlmPlan drop_id_plan = {
	"DELETE FROM qlm.object_id WHERE object_id = $1 AND id = $2",
	3, {INT4OID, TEXTOID, TEXTOID}
};

static QlmPlan change_id_plan = {
	"UPDATE qlm.object_id SET id = $3 WHERE object_id = $1 AND id = $2",
	3, {INT4OID, TEXTOID, TEXTOID}
};

static QlmPlan keep_id_plan = {
	"INSERT INTO qlm.object_id (object_id, id, position)"
	" SELECT $1, $2, COALESCE(pg_catalog.max(position), 0) + 1"
	" FROM qlm.object_id WHERE object_id = $1 AND $3 IS NOT NULL"
	" ON CONFLICT (object_id, id) DO UPDATE SET position = EXCLUDED.position",
	3, {INT4OID, TEXTOID, TEXTOID}
};

/* A subscription that had both paths as targets keeps one of them. */
static QlmPlan double_targets_plan = {
	"DELETE FROM qlm.subscription_target t WHERE " AT_OR_BELOW("t.path")
	" AND EXISTS (SELECT FROM qlm.subscription_target x"
	" WHERE x.request_id = t.request_id AND x.path = " MOVED("t.path") ")",
	2, {TEXTOID, TEXTOID}
};

static QlmPlan targets_plan = {
	"UPDATE qlm.subscription_target SET path = " MOVED("path")
	" WHERE " AT_OR_BELOW("path"),
	2, {TEXTOID, TEXTOID}
};

static QlmPlan taken_rules_plan = {
	"SELECT x.path FROM qlm.retention r JOIN qlm.retention x ON x.path = " MOVED("r.path")
	" WHERE " AT_OR_BELOW("r.path")
	" UNION ALL"
	" SELECT x.path FROM qlm.handler h JOIN qlm.handler x"
	" ON x.path = " MOVED("h.path") " AND x.verb = h.verb"
	" WHERE " AT_OR_BELOW("h.path") " LIMIT 1",
	2, {TEXTOID, TEXTOID}
};

static QlmPlan retention_plan = {
	"UPDATE qlm.retention SET path = " MOVED("path") " WHERE " AT_OR_BELOW("path"),
	2, {TEXTOID, TEXTOID}
};

static QlmPlan handler_plan = {
	"UPDATE qlm.handler SET path = " MOVED("path") " WHERE " AT_OR_BELOW("path"),
	2, {TEXTOID, TEXTOID}
};

#define KNOWN_BY_IT \
	"EXISTS (SELECT FROM pg_catalog.unnest(paths) AS p (path)" \
	" WHERE p.path COLLATE \"C\" = $1 OR pg_catalog.starts_with(p.path, $1 || '/'))"

static QlmPlan known_peers_plan = {
	"SELECT FROM qlm.peer WHERE " KNOWN_BY_IT " LIMIT 1",
	1, {TEXTOID}
};

/* $3: the peer is also known by the old path */
static QlmPlan peers_plan = {
	"UPDATE qlm.peer SET paths ="
	" (SELECT pg_catalog.array_agg(n.path ORDER BY n.n)"
	" FROM (SELECT CASE WHEN p.path COLLATE \"C\" = $1 OR pg_catalog.starts_with(p.path, $1 || '/')"
	" THEN " MOVED("p.path") " ELSE p.path END AS path, p.n"
	" FROM pg_catalog.unnest(paths) WITH ORDINALITY AS p (path, n)"
	" UNION ALL SELECT p.path, p.n + 1000000 FROM pg_catalog.unnest(paths) WITH ORDINALITY AS p (path, n)"
	" WHERE $3 AND (p.path COLLATE \"C\" = $1 OR pg_catalog.starts_with(p.path, $1 || '/'))) AS n)"
	" WHERE " KNOWN_BY_IT,
	3, {TEXTOID, TEXTOID, BOOLOID}
};

typedef struct Rename
{
	const char *id;
	const char *new_id;
	const char *path;
	const char *new_path;
	bool		keep;
	bool		is_item;
	int			number;
} Rename;

static uint64
execute(QlmPlan *plan, Datum *values)
{
	qlm_plan_execute(plan, values, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed;
}

static uint64
execute_as_owner(QlmPlan *plan, Datum *values)
{
	QlmRights	saved;
	uint64		n;

	qlm_rights_become_owner(&saved);
	n = execute(plan, values);
	qlm_rights_restore(&saved);
	return n;
}

static const char *
join(char **ids, int n)
{
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i < n; i++)
		qlm_path_append(&path, ids[i]);
	return path.data;
}

/* Parses the arguments.  Raises an error for an invalid path or id. */
static void
understand(Rename *rename, const char *path, const char *new_id)
{
	const char *error = NULL;
	char	  **ids;
	char	  **new_ids;
	int			n = qlm_path_split(path, &ids, &error);

	if (error == NULL && n == 0)
		error = "all Objects together have no id";
	if (error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a path: %s", path, error)));
	rename->path = join(ids, n);
	rename->id = ids[n - 1];
	ids[n - 1] = unconstify(char *, new_id);
	rename->new_path = join(ids, n);
	rename->new_id = new_id;
	if (qlm_path_split(rename->new_path, &new_ids, &error) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not an id: %s", new_id,
						error ? error : "the path with it is another one")));
	if (strcmp(new_ids[n - 1], new_id) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not an id: it begins or ends with a blank", new_id)));
}

/* A node that the caller may not see does not exist for the caller. */
static void
find_node(Rename *rename)
{
	Datum		values[1] = {CStringGetTextDatum(rename->path)};
	bool		isnull;

	qlm_plan_execute(&find_plan, values, NULL, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("Object or InfoItem \"%s\" does not exist", rename->path)));
	rename->number = DatumGetInt32(qlm_spi_datum(0, 1, &isnull));
	rename->is_item = DatumGetBool(qlm_spi_datum(0, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
}

static void
require_free(const Rename *rename)
{
	Datum		values[2] = {CStringGetTextDatum(rename->new_path)};

	if (execute_as_owner(&find_plan, values) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("Object or InfoItem \"%s\" already exists", rename->new_path)));
	values[0] = CStringGetTextDatum(rename->path);
	values[1] = CStringGetTextDatum(rename->new_path);
	qlm_plan_execute_as_owner(&taken_rules_plan, values, NULL);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("a rule of retention or a handler for \"%s\" already exists",
						qlm_spi_text(0, 1)),
				 errhint("Remove it first: it was made for a path without a node.")));
	SPI_freetuptable(SPI_tuptable);
}

static void
rename_ids(const Rename *rename)
{
	Datum		values[3] = {Int32GetDatum(rename->number),
		CStringGetTextDatum(rename->id), CStringGetTextDatum(rename->new_id)
	};

	if (execute(&promote_plan, values) > 0)
	{
		if (!rename->keep)
			(void) execute(&drop_id_plan, values);
	}
	else if (!rename->keep)
		(void) execute(&change_id_plan, values);
	if (rename->keep)
		(void) execute(&keep_id_plan, values);
}

/* Runs with the rights of the caller: privileges and policies decide. */
static void
rename_nodes(const Rename *rename)
{
	Datum		node[4] = {Int32GetDatum(rename->number),
		CStringGetTextDatum(rename->new_id), CStringGetTextDatum(rename->new_path),
		BoolGetDatum(rename->keep)
	};
	Datum		paths[2] = {CStringGetTextDatum(rename->path),
		CStringGetTextDatum(rename->new_path)
	};

	if (rename->is_item)
		(void) execute(&item_plan, node);
	else
	{
		(void) execute(&object_plan, node);
		rename_ids(rename);
		(void) execute(&objects_below_plan, paths);
		(void) execute(&items_below_plan, paths);
	}
}

/*
 * Nodes that policies hide must not be left under a path that no longer
 * exists, nor nodes committed after the snapshot of a transaction that uses
 * only one.
 */
static void
require_none_left(const Rename *rename)
{
	Datum		values[1] = {CStringGetTextDatum(rename->path)};
	uint64		left;

	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	left = execute_as_owner(&left_plan, values);
	PopActiveSnapshot();
	if (left == 0)
		return;
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to rename everything at or below \"%s\"",
					rename->path)));
}

static void
rename_peers(const Rename *rename)
{
	Datum		values[3] = {CStringGetTextDatum(rename->path),
		CStringGetTextDatum(rename->new_path), BoolGetDatum(rename->keep)
	};

	if (execute_as_owner(&known_peers_plan, values) == 0)
		return;
	if (pg_class_aclcheck(qlm_catalog_relid(QLM_REL_PEER), GetUserId(),
						  ACL_UPDATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to rename \"%s\", by which a peer is known",
						rename->path),
				 errhint("Only a role that may change peers may do that.")));
	(void) execute(&peers_plan, values);
}

static List *
aliased_targets(const Rename *rename)
{
	List	   *targets;
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	targets = qlm_rename_targets(rename->path, rename->new_id);
	qlm_rights_restore(&saved);
	return targets;
}

static void
rename_rest(const Rename *rename, const List *aliased)
{
	QlmRights	saved;

	Datum		values[2] = {CStringGetTextDatum(rename->path),
		CStringGetTextDatum(rename->new_path)
	};

	(void) execute_as_owner(&double_targets_plan, values);
	(void) execute_as_owner(&targets_plan, values);
	(void) execute_as_owner(&retention_plan, values);
	(void) execute_as_owner(&handler_plan, values);
	qlm_rights_become_owner(&saved);
	qlm_rename_move_targets(aliased);
	qlm_rights_restore(&saved);
}

/*
 * qlm_rename(path text, new_id text, keep_old_id boolean) returns text, the
 * new path
 */
Datum
qlm_sql_rename(PG_FUNCTION_ARGS)
{
	Rename		rename = {.keep = PG_GETARG_BOOL(2)};

	understand(&rename, text_to_cstring(PG_GETARG_TEXT_PP(0)),
			   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	qlm_storage_begin();
	qlm_node_lock(ShareRowExclusiveLock);
	find_node(&rename);
	if (strcmp(rename.path, rename.new_path) != 0)
	{
		List	   *aliased;

		require_free(&rename);
		aliased = aliased_targets(&rename);
		rename_nodes(&rename);
		require_none_left(&rename);
		rename_peers(&rename);
		rename_rest(&rename, aliased);
	}
	qlm_storage_end();
	PG_RETURN_TEXT_P(cstring_to_text(rename.new_path));
}
