/*
 * partition_table.c
 *		Creates the table that becomes a partition of qlm.value.
 *
 * PARTITION OF would lock the parent against readers until the commit, and
 * wait for all that are active.  So the table is created with LIKE and then
 * attached.  What LIKE and ATTACH leave out is read from the catalog.  Options
 * that a partitioned table cannot have, like fillfactor, are copied from
 * qlm.value_default.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/partition/partition_table.h"

/*
 * Before version 17 only the parent has an identity; since then ATTACH adds
 * it.
 */
#define LIKE_PARENT \
	"LIKE qlm.value INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES"

/*
 * Each of these returns a command, or null, and a complaint, or null; $1: the
 * name of the table
 */
static QlmPlan table_plan = {
	"SELECT pg_catalog.format('CREATE TABLE qlm.%I (" LIKE_PARENT ")%s%s%s', $1,"
	" ' USING ' || pg_catalog.quote_ident(m.amname),"
	" ' WITH (' || (SELECT pg_catalog.string_agg(pg_catalog.format('%s%I = %L', o.place,"
	"   pg_catalog.split_part(o.option, '=', 1),"
	"   pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1)), ', ')"
	"  FROM (SELECT '' AS place, pg_catalog.unnest(d.reloptions) AS option"
	"   UNION ALL SELECT 'toast.', pg_catalog.unnest(t.reloptions)) AS o) || ')',"
	" CASE WHEN pg_catalog.has_tablespace_privilege(s.oid, 'CREATE')"
	"  THEN ' TABLESPACE ' || pg_catalog.quote_ident(s.spcname) END),"
	" CASE WHEN NOT pg_catalog.has_tablespace_privilege(s.oid, 'CREATE') THEN s.spcname::pg_catalog.text END"
	" FROM pg_catalog.pg_class AS v"
	" JOIN pg_catalog.pg_class AS d ON d.oid = 'qlm.value_default'::pg_catalog.regclass"
	" LEFT JOIN pg_catalog.pg_class AS t ON t.oid = d.reltoastrelid"
	" LEFT JOIN pg_catalog.pg_am AS m ON m.oid = v.relam"
	" LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = v.reltablespace"
	" WHERE v.oid = 'qlm.value'::pg_catalog.regclass",
	1, {TEXTOID}
};

static QlmPlan column_plan = {
	"SELECT pg_catalog.format('ALTER TABLE qlm.%I ALTER COLUMN %I SET STATISTICS %s', $1,"
	"  a.attname, a.attstattarget), NULL"
	" FROM pg_catalog.pg_attribute AS a"
	" WHERE a.attrelid = 'qlm.value'::pg_catalog.regclass AND a.attnum > 0"
	"  AND NOT a.attisdropped AND a.attstattarget >= 0"
	" UNION ALL"
	" SELECT pg_catalog.format('ALTER TABLE qlm.%I ALTER COLUMN %I SET (%s = %L)', $1, a.attname,"
	"  pg_catalog.split_part(o, '=', 1), pg_catalog.split_part(o, '=', 2)), NULL"
	" FROM pg_catalog.pg_attribute AS a, pg_catalog.unnest(a.attoptions) AS o"
	" WHERE a.attrelid = 'qlm.value'::pg_catalog.regclass AND a.attnum > 0"
	"  AND NOT a.attisdropped AND o ~ '^n_distinct'",
	1, {TEXTOID}
};

/* For a default partition whose index was replaced, the usual index */
static QlmPlan index_plan = {
	"SELECT pg_catalog.format('CREATE UNIQUE INDEX %I ON qlm.%I (info_item_id, ts) INCLUDE (num)%s%s',"
	"  $1 || '_info_item_id_ts_idx', $1,"
	" ' WITH (' || (SELECT pg_catalog.string_agg(pg_catalog.format('%I = %L',"
	"   pg_catalog.split_part(o, '=', 1), pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)), ', ')"
	"  FROM pg_catalog.unnest(i.reloptions) AS o) || ')',"
	" CASE WHEN pg_catalog.has_tablespace_privilege(s.oid, 'CREATE')"
	"  THEN ' TABLESPACE ' || pg_catalog.quote_ident(s.spcname) END),"
	" CASE WHEN NOT pg_catalog.has_tablespace_privilege(s.oid, 'CREATE') THEN s.spcname::pg_catalog.text END"
	" FROM (VALUES (true)) AS one"
	" LEFT JOIN pg_catalog.pg_class AS i"
	"  ON i.oid = pg_catalog.to_regclass('qlm.value_default_info_item_id_ts_idx')"
	" LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace"
	" UNION ALL"
	" SELECT pg_catalog.format('ALTER TABLE qlm.%I REPLICA IDENTITY USING INDEX %I', $1,"
	"  $1 || '_info_item_id_ts_idx'), NULL",
	1, {TEXTOID}
};

/*
 * The trigger of the extension concerns few values.  It is on each partition
 * and not on the parent, where it would keep a restore from loading many rows
 * at once.
 */
static QlmPlan trigger_plan = {
	"SELECT pg_catalog.replace(pg_catalog.pg_get_triggerdef(t.oid), ' ON qlm.value_default ',"
	"  pg_catalog.format(' ON qlm.%I ', $1)), NULL"
	" FROM pg_catalog.pg_trigger AS t"
	" JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
	" WHERE t.tgrelid = 'qlm.value_default'::pg_catalog.regclass AND NOT t.tgisinternal"
	"  AND t.tgparentid = 0 AND p.pronamespace = 'qlm'::pg_catalog.regnamespace"
	" UNION ALL"
	" SELECT pg_catalog.format('ALTER TABLE qlm.%I %s TRIGGER %I', $1,"
	"  CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,"
	"  t.tgname), NULL"
	" FROM pg_catalog.pg_trigger AS t"
	" JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
	" WHERE t.tgrelid = 'qlm.value_default'::pg_catalog.regclass AND NOT t.tgisinternal"
	"  AND t.tgparentid = 0 AND p.pronamespace = 'qlm'::pg_catalog.regnamespace AND t.tgenabled <> 'O'",
	1, {TEXTOID}
};

static void
complain(const char *name, const char *tablespace)
{
	ereport(LOG,
			(errmsg("partition qlm.%s, or its index, is not made in tablespace \"%s\" but in that of the database",
					name, tablespace),
			 errdetail("The owner of qlm.value may not create in it."),
			 errhint("GRANT CREATE ON TABLESPACE %s TO %s;", quote_identifier(tablespace),
					 GetUserNameFromId(qlm_catalog_owner(), false))));
}

/* Executes the commands that a statement returns. */
static void
execute(QlmPlan *plan, const char *name)
{
	Datum		table = CStringGetTextDatum(name);
	SPITupleTable *rows;
	List	   *commands = NIL;
	ListCell   *lc;

	qlm_plan_execute(plan, &table, NULL, 0);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *tablespace = qlm_spi_text(i, 2);

		commands = lappend(commands, qlm_spi_text(i, 1));
		if (tablespace != NULL)
			complain(name, tablespace);
	}
	SPI_freetuptable(rows);
	foreach(lc, commands)
		qlm_plan_execute_once(lfirst(lc), 0, InvalidSnapshot);
	list_free_deep(commands);
}

static void
execute_one(const char *command)
{
	qlm_plan_execute_once(command, 0, InvalidSnapshot);
}

void
qlm_partition_create_table(const char *name, const char *comment)
{
	qlm_rights_fix_storage();
	qlm_rights_fix_spelling();
	execute(&table_plan, name);
	execute(&column_plan, name);
	execute_one(psprintf("REVOKE ALL ON qlm.%s FROM PUBLIC", name));
	execute_one(psprintf("COMMENT ON TABLE qlm.%s IS %s", name,
						 quote_literal_cstr(comment)));
}

void
qlm_partition_finish_table(const char *name)
{
	execute(&index_plan, name);
	execute(&trigger_plan, name);
}
