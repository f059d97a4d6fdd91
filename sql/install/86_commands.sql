/*
 * What happens with commands on the tables: changes are noted for dumps, and while a dump is
 * restored they find what they need.
 */

/*
 * Whoever alters tables in this database runs these, with his own rights: so they look
 * whether it is a table of ours before they do anything that not everybody may.
 */
CREATE OR REPLACE FUNCTION qlm.table_altered() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ours oid[] := ARRAY(SELECT r.oid FROM pg_event_trigger_ddl_commands() AS c
			JOIN pg_class AS r ON r.oid = c.objid
			JOIN pg_depend AS d ON d.classid = c.classid AND d.objid = c.objid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
		WHERE c.classid = 'pg_class'::regclass AND r.relnamespace = to_regnamespace('qlm') AND r.relkind IN ('r', 'p') AND NOT c.in_extension);
	t record;
BEGIN
	IF ours = '{}' THEN
		RETURN;
	END IF;
	IF NOT qlm.is_restoring() THEN
		PERFORM qlm.note_shape();
		RETURN;
	END IF;
	/* --disable-triggers turns all on again as ordinary ones, and has kept those of qlm.customization from firing. */
	FOR t IN
		SELECT format('ALTER TABLE %s ENABLE %s TRIGGER %I', g.tgrelid::regclass, CASE s.statement WHEN 'R' THEN 'REPLICA' ELSE 'ALWAYS' END, g.tgname) AS command
		FROM pg_trigger AS g
			JOIN pg_class AS r ON r.oid = g.tgrelid
			JOIN qlm.standard AS s ON s.kind = 'trigger state' AND s.object = format('%I on qlm.%I', g.tgname, r.relname)
		WHERE g.tgrelid = ANY (ours) AND g.tgenabled = 'O' AND s.statement IN ('A', 'R')
		LIMIT 1			/* this command gets here, too */
	LOOP
		EXECUTE t.command;
	END LOOP;
	IF 'qlm.customization'::regclass = ANY (ours) THEN
		PERFORM qlm.prepare_tables();
	END IF;
END
$$;
COMMENT ON FUNCTION qlm.table_altered() IS 'notes columns and row level security of the tables for dumps; while one is restored, puts right what pg_restore --disable-triggers does to triggers';

CREATE EVENT TRIGGER qlm_table_altered ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE')
	EXECUTE FUNCTION qlm.table_altered();
COMMENT ON EVENT TRIGGER qlm_table_altered IS 'qlm: notes columns and row level security of its tables for dumps';

CREATE OR REPLACE FUNCTION qlm.type_made() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	t record;
BEGIN
	FOR t IN
		SELECT y.oid, y.typrelid, y.typname, r.oid::regclass AS name
		FROM pg_event_trigger_ddl_commands() AS c
			JOIN pg_type AS y ON y.oid = c.objid
			JOIN pg_class AS r ON r.relnamespace = y.typnamespace AND r.relname = regexp_replace(y.typname, '^(columns_of|secured)_', '')
			JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e'
		WHERE c.classid = 'pg_type'::regclass AND y.typnamespace = to_regnamespace('qlm') AND y.typname ~ '^(columns_of|secured)_' AND r.relkind IN ('r', 'p')
	LOOP
		CONTINUE WHEN NOT qlm.is_restoring();
		PERFORM qlm.tie_to_extension(t.oid);
		IF t.typname LIKE 'secured\_%' THEN
			EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
		ELSE
			PERFORM qlm.restore_columns(t.name, t.typrelid);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION qlm.type_made() IS 'restores columns and row level security of a table before its rows';

CREATE EVENT TRIGGER qlm_type_made ON ddl_command_end
	WHEN TAG IN ('CREATE TYPE')
	EXECUTE FUNCTION qlm.type_made();
COMMENT ON EVENT TRIGGER qlm_type_made IS 'qlm: while a dump is restored, gives its tables their columns and row level security';

CREATE OR REPLACE FUNCTION qlm.before_command() RETURNS event_trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_before_command';
COMMENT ON FUNCTION qlm.before_command() IS 'while a dump is restored: makes what parts of qlm.value need, and refuses them without the rest of the node';

CREATE EVENT TRIGGER qlm_before_command ON ddl_command_start
	WHEN TAG IN ('ALTER INDEX', 'ALTER TABLE', 'CREATE EXTENSION', 'CREATE TABLE', 'DROP TRIGGER', 'DROP TYPE')
	EXECUTE FUNCTION qlm.before_command();
COMMENT ON EVENT TRIGGER qlm_before_command IS 'qlm: while a dump is restored, makes what parts of qlm.value need';

/* Who may read the tables to dump them, as a role for backups, must be able to run what the dump asks for, too. */
CREATE OR REPLACE FUNCTION qlm.rights_granted() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r record;
BEGIN
	FOR r IN
		SELECT DISTINCT p.oid::regprocedure AS name, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END AS grantee
		FROM pg_namespace AS n
			JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'customization'
			CROSS JOIN LATERAL aclexplode(c.relacl) AS g
			JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname IN ('catalog_state', 'customizations', 'dumped_customizations')
		WHERE n.nspname = 'qlm' AND g.privilege_type = 'SELECT' AND pg_has_role(p.proowner, 'USAGE')
			AND NOT has_function_privilege(g.grantee, p.oid, 'EXECUTE')
	LOOP
		/* A dump says so itself, perhaps in several sessions. */
		EXIT WHEN qlm.is_restoring();
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', r.name, r.grantee);
	END LOOP;
END
$$;
COMMENT ON FUNCTION qlm.rights_granted() IS 'lets those who may read qlm.customization dump what it says';

CREATE EVENT TRIGGER qlm_rights_granted ON ddl_command_end
	WHEN TAG IN ('GRANT')
	EXECUTE FUNCTION qlm.rights_granted();
COMMENT ON EVENT TRIGGER qlm_rights_granted IS 'qlm: who may read the tables may dump them';
