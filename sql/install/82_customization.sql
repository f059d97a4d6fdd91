/*
 * What administrators have set up on the tables of the extension: policies, triggers,
 * indexes, columns ...  pg_dump leaves that to the extension, so here is what
 * brings it along.  It is found by comparing with how the script has left the tables.
 */
CREATE TABLE qlm.standard (
	kind text NOT NULL,
	object text NOT NULL,
	step int NOT NULL,
	statement text,
	removal text,
	PRIMARY KEY (kind, object)
);
COMMENT ON TABLE qlm.standard IS 'how the script of the extension has left its members, see qlm.catalog_state()';
COMMENT ON COLUMN qlm.standard.kind IS 'what it is: column, trigger, option ...';
COMMENT ON COLUMN qlm.standard.object IS 'name of the object that has it';
COMMENT ON COLUMN qlm.standard.step IS 'order in which things are made';
COMMENT ON COLUMN qlm.standard.statement IS 'its definition';
COMMENT ON COLUMN qlm.standard.removal IS 'what makes it as if it had never been';
GRANT SELECT ON qlm.standard TO qlm_owner, qlm_admin;

/*
 * Empty but after a restore: then it says what is still to be done.  What a dump
 * has of it is made while it is dumped, see qlm.dumped_customizations().
 */
CREATE TABLE qlm.customization (
	step int NOT NULL,
	kind text NOT NULL,
	object text NOT NULL,
	statement text,
	command text NOT NULL,
	PRIMARY KEY (kind, object)
);
COMMENT ON TABLE qlm.customization IS 'what a dump says of policies, triggers, indexes and the like on the tables, and is not restored yet: qlm_restore_customizations(); while it has rows nothing is served';
COMMENT ON COLUMN qlm.customization.step IS 'order in which things are made';
COMMENT ON COLUMN qlm.customization.kind IS 'what it is: policy, trigger, column ...';
COMMENT ON COLUMN qlm.customization.object IS 'name of the object that has it';
COMMENT ON COLUMN qlm.customization.statement IS 'its definition; null: it is to go';
COMMENT ON COLUMN qlm.customization.command IS 'what makes it so';
GRANT SELECT ON qlm.customization TO qlm_owner, qlm_admin;
GRANT INSERT ON qlm.customization TO qlm_owner;	/* see qlm.check_customization() */
/* What is set up on the tables now is looked up while it is dumped, with what waits since a restore. */
SELECT pg_catalog.pg_extension_config_dump('qlm.customization',
	'WHERE true UNION ALL SELECT c.step, c.kind, c.object, c.statement, c.command FROM qlm.dumped_customizations() AS c');

/*
 * Another version of PostgreSQL may spell the definitions of ours in another way; then
 * only their names count.  Parentheses are others when a definition has been printed and
 * read again, as by pg_upgrade: (a, b) IS DISTINCT FROM (c, d) is printed as an OR of ORs.
 */
CREATE OR REPLACE FUNCTION qlm.customizations()
	RETURNS TABLE (step int, kind text, object text, statement text, command text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
WITH state AS MATERIALIZED (SELECT * FROM qlm.catalog_state()),
noted AS (
	SELECT EXISTS (SELECT FROM qlm.standard AS s WHERE s.kind = 'server' AND s.object = 'version'
		AND s.statement = (current_setting('server_version_num')::int / 10000)::text) AS here)
SELECT n.step, n.kind, n.object, n.statement, n.command
FROM state AS n
	LEFT JOIN qlm.standard AS s ON s.kind = n.kind AND s.object = n.object
WHERE s.kind IS NULL
	OR (translate(s.statement, '()', '') IS DISTINCT FROM translate(n.statement, '()', '') AND ((SELECT here FROM noted) OR n.kind NOT IN ('default', 'constraint', 'index', 'trigger', 'rule', 'policy', 'statistics')))
UNION ALL
SELECT s.step, s.kind, s.object, NULL, s.removal
FROM qlm.standard AS s
WHERE s.removal IS NOT NULL
	AND NOT EXISTS (SELECT FROM state AS n WHERE n.kind = s.kind AND n.object = s.object)
	AND (s.kind NOT IN ('default', 'not null', 'identity', 'storage', 'compression') OR EXISTS (SELECT FROM state AS n WHERE n.kind = 'column' AND n.object = s.object))
	AND (s.kind <> 'trigger state' OR EXISTS (SELECT FROM state AS n WHERE n.kind = 'trigger' AND n.object = s.object))
	/* An index of ours that one of qlm.value is like has become a part of that. */
	AND (s.kind <> 'index' OR to_regclass(s.object) IS NULL)
$$;
COMMENT ON FUNCTION qlm.customizations() IS 'what is set up on the tables otherwise than the script of the extension has left them';
GRANT EXECUTE ON FUNCTION qlm.customizations() TO qlm_admin, pg_read_all_data;

/*
 * What pg_dump takes for rows of qlm.customization, beside those that wait there: also partitions,
 * for those who restore rows alone, into a node that has none; and one that is always there, to say that they
 * have come (99_standard.sql).
 */
CREATE OR REPLACE FUNCTION qlm.dumped_customizations()
	RETURNS TABLE (step int, kind text, object text, statement text, command text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET "TimeZone" = 'UTC'
	SET "DateStyle" = 'ISO'
	AS $$
SELECT c.step, c.kind, c.object, c.statement, c.command
FROM qlm.customizations() AS c
WHERE NOT EXISTS (SELECT FROM qlm.customization AS x WHERE x.kind = c.kind AND x.object = c.object)
UNION ALL
SELECT 0, 'restore', 'rows', NULL, ''
WHERE NOT EXISTS (SELECT FROM qlm.customization AS x WHERE x.kind = 'restore')
UNION ALL
SELECT 0, 'partition', c.relname, pg_get_expr(c.relpartbound, c.oid), ''
FROM pg_inherits AS i
	JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'qlm.value'::regclass AND c.relname ~ '^value_[0-9_]+$'
	AND EXISTS (SELECT FROM pg_namespace AS n WHERE n.oid = c.relnamespace AND n.nspname = 'qlm')
ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION qlm.dumped_customizations() IS 'what a dump has as rows of qlm.customization';
GRANT EXECUTE ON FUNCTION qlm.dumped_customizations() TO qlm_admin, pg_read_all_data;

CREATE OR REPLACE FUNCTION qlm.check_customization() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (qlm.is_restoring() OR qlm.is_restored()) AND qlm.is_superuser() THEN
		RETURN NEW;
	END IF;
	/* Who owns the tables restores rows alone: what each dump has, and nobody runs, is passed over. */
	IF TG_OP = 'INSERT' AND NEW.kind IN ('partition', 'restore') THEN
		RETURN NULL;
	END IF;
	RAISE EXCEPTION 'rows of qlm.customization can only come from a restore by a superuser'
		USING ERRCODE = 'insufficient_privilege',
			HINT = 'Run what qlm_dump_customizations() prints instead.';
END
$$;
COMMENT ON FUNCTION qlm.check_customization() IS 'refuses rows that others than superusers bring, or outside a restore';

CREATE OR REPLACE TRIGGER check_customization BEFORE INSERT OR UPDATE ON qlm.customization
	FOR EACH ROW EXECUTE FUNCTION qlm.check_customization();
COMMENT ON TRIGGER check_customization ON qlm.customization IS 'rows are run by a superuser later';
ALTER TABLE qlm.customization ENABLE ALWAYS TRIGGER check_customization;

/*
 * What rows of other tables need, and comes too late where a dump was restored in another way
 * than as a whole: row level security, so that nobody sees anything rather than
 * everything, columns, and partitions.  Returns what is left to be done.
 */
CREATE OR REPLACE FUNCTION qlm.prepare_tables() RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	t record;
	made boolean := false;
BEGIN
	PERFORM qlm.note_whole_dump();
	FOR t IN
		SELECT c.oid::regclass AS name
		FROM qlm.customization AS x
			JOIN pg_class AS c ON c.oid = to_regclass(x.object)
			JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		WHERE x.kind = 'row security' AND NOT c.relrowsecurity
		ORDER BY c.oid
	LOOP
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
	END LOOP;
	FOR t IN
		SELECT x.command
		FROM qlm.customization AS x
		WHERE x.kind = 'column' AND qlm.is_superuser()
			AND NOT EXISTS (SELECT FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
				WHERE c.relnamespace = 'qlm'::regnamespace AND NOT a.attisdropped AND x.object = format('qlm.%I.%I', c.relname, a.attname))
		ORDER BY x.step, x.object
	LOOP
		EXECUTE t.command;
	END LOOP;
	FOR t IN
		SELECT x.object AS name, x.statement AS bounds
		FROM qlm.customization AS x
		WHERE x.kind = 'partition' AND x.object ~ '^value_[0-9_]+$' AND x.statement ~ '^FOR VALUES FROM \(''[^'']+''\) TO \(''[^'']+''\)$'
			AND to_regclass('qlm.' || x.object) IS NULL
		ORDER BY x.object
	LOOP
		/* Where tables are filled at the same time, values may lie in the default partition already, or be on their way. */
		BEGIN
			LOCK TABLE ONLY qlm.value, ONLY qlm.value_default IN ACCESS EXCLUSIVE MODE NOWAIT;
			EXECUTE format('CREATE TABLE qlm.%I (LIKE qlm.value INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES) WITH (autovacuum_vacuum_insert_scale_factor = 0.05)', t.name);
			EXECUTE format('CREATE UNIQUE INDEX %I ON qlm.%I (info_item_id, ts) INCLUDE (num)', t.name || '_info_item_id_ts_idx', t.name);
			EXECUTE format('ALTER TABLE qlm.value ATTACH PARTITION qlm.%I %s', t.name, t.bounds);
			made := true;
		EXCEPTION WHEN lock_not_available OR check_violation OR invalid_object_definition OR duplicate_table THEN
			NULL;
		END;
	END LOOP;
	IF made THEN
		PERFORM qlm.adopt_partitions();
	END IF;
	DELETE FROM qlm.customization WHERE kind IN ('partition', 'restore');
	RETURN (SELECT count(*) FROM qlm.customization);
END
$$;
COMMENT ON FUNCTION qlm.prepare_tables() IS 'while a dump is restored: make what its rows need and is not there, as qlm.customization says; returns how many things are left for qlm_restore_customizations()';

CREATE OR REPLACE FUNCTION qlm.customization_brought() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF qlm.is_restored() OR NOT qlm.is_superuser() THEN
		RETURN NULL;
	END IF;
	/* Dumps may insert row by row. */
	IF qlm.prepare_tables() > 0
		AND NOT EXISTS (SELECT FROM qlm.customization AS x WHERE NOT EXISTS (SELECT FROM new_rows AS n WHERE n.kind = x.kind AND n.object = x.object)) THEN
		RAISE WARNING 'qlm does not serve database "%" before its customizations are restored', current_database()
			USING DETAIL = 'Policies, triggers, indexes and the like on tables of the extension wait in qlm.customization.',
				HINT = 'When the restore is over: SELECT qlm_restore_customizations(), as superuser; qlm_drop_customizations() goes on without them.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION qlm.customization_brought() IS 'makes what other rows of the dump need, and says what is to be done';

CREATE OR REPLACE TRIGGER customization_brought AFTER INSERT ON qlm.customization
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.customization_brought();
COMMENT ON TRIGGER customization_brought ON qlm.customization IS 'makes what other rows of the dump need, and says what is to be done';
ALTER TABLE qlm.customization ENABLE ALWAYS TRIGGER customization_brought;
CREATE OR REPLACE TRIGGER customization_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON qlm.customization
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER customization_changed ON qlm.customization IS 'tells all processes';
ALTER TABLE qlm.customization ENABLE ALWAYS TRIGGER customization_changed;

CREATE OR REPLACE FUNCTION @extschema@.qlm_dump_customizations() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
SELECT concat_ws(E'\n',
	'-- What is set up on the tables of extension qlm in database ' || regexp_replace(current_database(), '[[:cntrl:]]', ' ', 'g') || ', for a node of the same tables.',
	'SELECT pg_catalog.set_config(''search_path'', '''', false);',
	'SET client_min_messages = warning;',
	'BEGIN;',
	(SELECT string_agg(c.command || ';', E'\n' ORDER BY c.step, c.kind, c.object) FROM qlm.customizations() AS c),
	/* A dump may have brought the same. */
	'SELECT @extschema@.qlm_restore_customizations() WHERE EXISTS (SELECT FROM qlm.customization);',
	'COMMIT;')
$$;
COMMENT ON FUNCTION @extschema@.qlm_dump_customizations() IS
	'the statements that set up another node as this one: policies, triggers, indexes, columns and whatever else was added to, or changed on, the tables';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_dump_customizations() TO qlm_admin, pg_read_all_data;

CREATE OR REPLACE FUNCTION @extschema@.qlm_restore_customizations() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	c record;
	n int := 0;
	why text;
	state text;
BEGIN
	IF NOT qlm.is_superuser() THEN
		RAISE EXCEPTION 'only a superuser can restore customizations'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	LOCK TABLE qlm.customization IN EXCLUSIVE MODE;
	FOR c IN
		SELECT x.kind, x.object, x.command
		FROM qlm.customization AS x
			LEFT JOIN qlm.catalog_state() AS s ON s.kind = x.kind AND s.object = x.object
		WHERE s.statement IS DISTINCT FROM x.statement AND x.command <> ''
		ORDER BY x.step, x.kind, x.object
	LOOP
		BEGIN
			EXECUTE c.command;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS why = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
			RAISE EXCEPTION 'could not restore % %: %', c.kind, c.object, why
				USING ERRCODE = state,
					DETAIL = c.command,
					HINT = 'Nothing was restored. Make what is missing (pg_dumpall --roles-only carries roles) and call it again, or delete the row from qlm.customization.';
		END;
		n := n + 1;
	END LOOP;
	DELETE FROM qlm.customization;
	RETURN n;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_restore_customizations() IS
	'after a restore: set up the tables as they were in the dumped node, policies and triggers and all else; returns how many things it took';

CREATE OR REPLACE FUNCTION @extschema@.qlm_drop_customizations() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	n int;
	closed text;
BEGIN
	IF NOT qlm.is_superuser() THEN
		RAISE EXCEPTION 'only a superuser can drop customizations'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	DELETE FROM qlm.customization;
	GET DIAGNOSTICS n = ROW_COUNT;
	SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) INTO closed
	FROM pg_class AS c
	WHERE c.relnamespace = 'qlm'::regnamespace AND c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid);
	IF closed IS NOT NULL THEN
		RAISE WARNING 'tables with row level security and without a policy show nothing to others than owners: %', closed
			USING HINT = 'CREATE POLICY, or ALTER TABLE ... DISABLE ROW LEVEL SECURITY.';
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_customizations() IS
	'after a restore: serve without what was set up on the tables of the dumped node; returns how many things are given up';
