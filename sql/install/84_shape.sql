/*
 * What must be there before the rows of a dump: columns that were added to the tables, and row level
 * security, without which others would see everything until the policies are back.
 * Types that are no members carry that, since a dump makes types before tables,
 * views and functions, after what they are made of: qlm.columns_of_X has the
 * columns that were added to qlm.X; qlm.secured_X is there while X has row level security.
 */

CREATE OR REPLACE FUNCTION qlm.tie_to_extension(type oid) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_tie_to_extension';
COMMENT ON FUNCTION qlm.tie_to_extension(oid) IS 'have a type that carries the shape of a table be dropped with the extension, without being a member';

CREATE OR REPLACE FUNCTION qlm.column_definition(field pg_attribute) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
SELECT concat(format('%I %s', field.attname, format_type(field.atttypid, field.atttypmod)),
	CASE WHEN field.attcollation <> 0 THEN format(' COLLATE %s', field.attcollation::regcollation) END)
$$;
COMMENT ON FUNCTION qlm.column_definition(pg_attribute) IS 'name, type and collation of a column, as CREATE TYPE and ADD COLUMN take them';

CREATE OR REPLACE FUNCTION qlm.note_shape() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	t record;
	carrier record;
	n int := 0;
BEGIN
	FOR t IN
		SELECT c.oid, c.relname, c.relrowsecurity, pg_get_userbyid(c.relowner) AS owner,
			(SELECT string_agg(qlm.column_definition(a), ', ' ORDER BY a.attnum)
				FROM pg_attribute AS a
				WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0 AND a.attgenerated = ''
					AND NOT EXISTS (SELECT FROM qlm.standard AS s WHERE s.kind = 'column' AND s.object = format('qlm.%I.%I', c.relname, a.attname))) AS columns
		FROM pg_class AS c
			JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		WHERE c.relnamespace = 'qlm'::regnamespace AND c.relkind IN ('r', 'p')
		ORDER BY c.oid
	LOOP
		FOR carrier IN
			SELECT k.name, k.wanted, y.oid AS type,
				(SELECT COALESCE(string_agg(qlm.column_definition(a), ', ' ORDER BY a.attnum), '')
					FROM pg_attribute AS a WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS present
			FROM (VALUES ('columns_of_' || t.relname, t.columns), ('secured_' || t.relname, CASE WHEN t.relrowsecurity THEN '' END)) AS k(name, wanted)
				LEFT JOIN pg_type AS y ON y.typnamespace = 'qlm'::regnamespace AND y.typname = k.name
		LOOP
			/* pg_upgrade forgets that. */
			IF carrier.type IS NOT NULL AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = carrier.type AND d.deptype = 'x') THEN
				PERFORM qlm.tie_to_extension(carrier.type);
			END IF;
			CONTINUE WHEN carrier.wanted IS NOT DISTINCT FROM CASE WHEN carrier.type IS NOT NULL THEN carrier.present END;
			IF carrier.type IS NOT NULL THEN
				EXECUTE format('DROP TYPE qlm.%I', carrier.name);
			END IF;
			IF carrier.wanted IS NOT NULL THEN
				EXECUTE format('CREATE TYPE qlm.%I AS (%s)', carrier.name, carrier.wanted);
				EXECUTE format('REVOKE ALL ON TYPE qlm.%I FROM PUBLIC', carrier.name);
				EXECUTE format('COMMENT ON TYPE qlm.%I IS %L', carrier.name,
					'carries to a restored node what qlm.' || t.relname || ' needs before its rows; made and dropped by qlm.note_shape()');
				PERFORM qlm.tie_to_extension(format('qlm.%I', carrier.name)::regtype);
				EXECUTE format('ALTER TYPE qlm.%I OWNER TO %I', carrier.name, t.owner);
			END IF;
			n := n + 1;
		END LOOP;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION qlm.note_shape() IS 'make the types that carry columns and row level security of the tables in a dump as these are now; returns how many changed';

/* Adds to a table what another one, or a type, has and it lacks; only as it stands in the catalog. */
CREATE OR REPLACE FUNCTION qlm.restore_columns(target regclass, source oid) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT concat(qlm.column_definition(a),
			CASE WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid)) END) AS definition
		FROM pg_attribute AS a
			LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped
			AND NOT EXISTS (SELECT FROM pg_attribute AS x WHERE x.attrelid = target AND x.attname = a.attname AND NOT x.attisdropped)
		ORDER BY a.attnum
	LOOP
		EXECUTE format('ALTER TABLE %s ADD COLUMN %s', target, f.definition);
	END LOOP;
END
$$;
COMMENT ON FUNCTION qlm.restore_columns(regclass, oid) IS 'add to a table the columns that a partition of it or a type of a dump has and it lacks';

/*
 * An index of qlm.value is no member, so a dump has it on the partitions alone, and
 * says that they are parts of it.  It is made of the first one that says so.
 */
CREATE OR REPLACE FUNCTION qlm.restore_index(name text, part oid) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	x record;
	others oid[] := ARRAY(SELECT i.indexrelid FROM pg_index AS i WHERE i.indrelid = 'qlm.value_default'::regclass);
	ours regclass;
BEGIN
	/* Several sessions may restore parts of it: who calls this lets one through at a time. */
	IF to_regclass(format('qlm.%I', restore_index.name)) IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT i.indisunique, c.relname, t.oid::regclass AS table_name, pg_get_indexdef(c.oid) AS definition,
			(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')) AS condition
		INTO STRICT x
	FROM pg_index AS i
		JOIN pg_class AS c ON c.oid = i.indexrelid
		JOIN pg_class AS t ON t.oid = i.indrelid
	WHERE i.indexrelid = part;
	/* Those who fill the tables lock one and then the other, in either order: so nothing is held while this waits. */
	LOOP
		BEGIN
			IF x.condition IS NOT NULL THEN
				LOCK TABLE ONLY qlm.value, ONLY qlm.value_default IN ACCESS EXCLUSIVE MODE NOWAIT;
			ELSE
				LOCK TABLE ONLY qlm.value, ONLY qlm.value_default IN SHARE MODE NOWAIT;
			END IF;
			EXIT;
		EXCEPTION WHEN lock_not_available THEN
			PERFORM pg_sleep(0.01);
		END;
	END LOOP;
	IF x.condition IS NOT NULL THEN
		EXECUTE format('ALTER TABLE ONLY qlm.value ADD CONSTRAINT %I %s', restore_index.name, x.condition);
		EXECUTE format('ALTER TABLE qlm.value_default ADD %s', x.condition);
	ELSE
		x.definition := substr(x.definition, 1 + length(format('CREATE %sINDEX %I ON %s ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, x.relname, x.table_name)));
		EXECUTE format('CREATE %sINDEX %I ON ONLY qlm.value %s', CASE WHEN x.indisunique THEN 'UNIQUE ' END, restore_index.name, x.definition);
		/* One of ours may be like it. */
		SELECT c.oid INTO ours
		FROM pg_index AS i
			JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE i.indexrelid = ANY (others) AND NOT c.relispartition
			AND pg_get_indexdef(c.oid) = format('CREATE %sINDEX %I ON qlm.value_default %s', CASE WHEN x.indisunique THEN 'UNIQUE ' END, c.relname, x.definition)
		LIMIT 1;
		IF ours IS NULL THEN
			EXECUTE format('CREATE %sINDEX ON qlm.value_default %s', CASE WHEN x.indisunique THEN 'UNIQUE ' END, x.definition);
		END IF;
	END IF;
	EXECUTE format('ALTER INDEX qlm.%I ATTACH PARTITION %s', restore_index.name,
		COALESCE(ours, (SELECT i.indexrelid::regclass FROM pg_index AS i WHERE i.indrelid = 'qlm.value_default'::regclass AND i.indexrelid <> ALL (others))));
END
$$;
COMMENT ON FUNCTION qlm.restore_index(text, oid) IS 'make the index of qlm.value that an index of a partition is a part of, as a dump says';

/*
 * --clean drops functions and types before it drops the extension, and knows nothing of what
 * was set up on its tables with them.
 */
CREATE OR REPLACE FUNCTION qlm.clear_tables() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
DECLARE
	c record;
	n int := 0;
BEGIN
	FOR c IN
		SELECT x.removal
		FROM qlm.catalog_state() AS x
			LEFT JOIN qlm.standard AS s ON s.kind = x.kind AND s.object = x.object
		WHERE s.kind IS NULL AND (x.kind IN ('policy', 'trigger', 'rule', 'index', 'statistics', 'default') OR (x.kind = 'constraint' AND x.object NOT LIKE '% on qlm.value'))
		ORDER BY x.step DESC
	LOOP
		EXECUTE c.removal;
		n := n + 1;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION qlm.clear_tables() IS 'take away what was set up on the tables, but for columns, when a dump is about to drop all of it; returns how many things';

CREATE OR REPLACE FUNCTION qlm.drop_columns(type oid) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT r.oid::regclass AS name, a.attname
		FROM pg_type AS y
			JOIN pg_attribute AS a ON a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
			JOIN pg_class AS r ON r.relnamespace = y.typnamespace AND 'columns_of_' || r.relname = y.typname
			JOIN pg_attribute AS x ON x.attrelid = r.oid AND x.attname = a.attname
		WHERE y.oid = drop_columns.type AND y.typnamespace = 'qlm'::regnamespace
	LOOP
		EXECUTE format('ALTER TABLE %s DROP COLUMN %I CASCADE', f.name, f.attname);
	END LOOP;
END
$$;
COMMENT ON FUNCTION qlm.drop_columns(oid) IS 'drop the columns that were added to a table, when a dump is about to drop all of it';

CREATE OR REPLACE FUNCTION qlm.release_partition(partition regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('ALTER TABLE qlm.value DETACH PARTITION %s', partition);
END
$$;
COMMENT ON FUNCTION qlm.release_partition(regclass) IS 'take a partition that a dump is about to drop out of qlm.value, so that it may lose a constraint that it has from there';
