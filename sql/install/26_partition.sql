/* Partitions of qlm.value. */

CREATE OR REPLACE FUNCTION @extschema@.qlm_make_partitions("from" timestamptz, "to" timestamptz) RETURNS int
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_make_partitions';
COMMENT ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) IS
	'make the partitions of qlm.value that values of these times lack, before history is loaded; returns how many were made';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) TO qlm_admin;

/*
 * Partitions are tables of their own to a dump.  One that was restored without its
 * owner, or was dumped from an earlier version, lacks something of what the node
 * gives to those that it makes itself.
 */
CREATE OR REPLACE FUNCTION qlm.adopt_partitions() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	AS $$
DECLARE
	p record;
	t record;
	changed boolean;
	n int := 0;
BEGIN
	FOR p IN
		SELECT c.oid, c.oid::regclass AS partition, c.relreplident, c.relowner <> parent.relowner AS is_foreign,
			pg_get_userbyid(parent.relowner) AS owner
		FROM pg_class AS parent
			JOIN pg_inherits AS i ON i.inhparent = parent.oid
			JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE parent.oid = 'qlm.value'::regclass AND c.relkind = 'r'
		ORDER BY c.oid
	LOOP
		changed := false;
		/* What value_default has of ours for itself alone, a partition has too. */
		FOR t IN
			SELECT replace(pg_get_triggerdef(d.oid), ' ON qlm.value_default ', format(' ON %s ', p.partition)) AS definition
			FROM pg_trigger AS d
				JOIN pg_proc AS f ON f.oid = d.tgfoid AND f.pronamespace = 'qlm'::regnamespace
			WHERE d.tgrelid = 'qlm.value_default'::regclass AND NOT d.tgisinternal AND d.tgparentid = 0
				AND NOT EXISTS (SELECT FROM pg_trigger AS x WHERE x.tgrelid = p.oid AND x.tgname = d.tgname)
		LOOP
			EXECUTE t.definition;
			changed := true;
		END LOOP;
		FOR t IN
			SELECT x.indexrelid, c.relname AS name
			FROM pg_index AS x
				JOIN pg_class AS c ON c.oid = x.indexrelid
			WHERE x.indrelid = p.oid AND p.relreplident = 'd' AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
				AND x.indnkeyatts = 2 AND pg_get_indexdef(c.oid, 1, true) = 'info_item_id' AND pg_get_indexdef(c.oid, 2, true) = 'ts'
			LIMIT 1
		LOOP
			EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', p.partition, t.name);
			changed := true;
		END LOOP;
		FOR t IN
			SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE %s', p.partition, a.attname,
				CASE v.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) AS command
			FROM pg_attribute AS v
				JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attname = v.attname
			WHERE v.attrelid = 'qlm.value'::regclass AND v.attnum > 0 AND NOT v.attisdropped AND a.attstorage <> v.attstorage
			UNION ALL
			SELECT format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION %s', p.partition, a.attname,
				CASE v.attcompression WHEN 'l' THEN 'lz4' WHEN 'p' THEN 'pglz' ELSE 'DEFAULT' END)
			FROM pg_attribute AS v
				JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attname = v.attname
			WHERE v.attrelid = 'qlm.value'::regclass AND v.attnum > 0 AND NOT v.attisdropped AND a.attcompression <> v.attcompression
			UNION ALL
			SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', p.partition, a.attname, v.attstattarget)
			FROM pg_attribute AS v
				JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attname = v.attname
			WHERE v.attrelid = 'qlm.value'::regclass AND v.attnum > 0 AND NOT v.attisdropped AND v.attstattarget >= 0
				AND a.attstattarget IS DISTINCT FROM v.attstattarget
			UNION ALL
			SELECT regexp_replace(replace(pg_get_statisticsobjdef(s.oid), ' FROM qlm.value', format(' FROM %s', p.partition)),
				'^CREATE STATISTICS [^(]*? (\(|ON )', format('CREATE STATISTICS qlm.%I \1', left(replace(p.partition::text, 'qlm.', '') || '_' || s.stxname, 63)))
			FROM pg_statistic_ext AS s
			WHERE s.stxrelid = 'qlm.value'::regclass
				AND NOT EXISTS (SELECT FROM pg_statistic_ext AS x
					WHERE x.stxrelid = p.oid AND x.stxkind = s.stxkind
						AND regexp_replace(pg_get_statisticsobjdef(x.oid), '^.* ON (.*) FROM .*$', '\1') = regexp_replace(pg_get_statisticsobjdef(s.oid), '^.* ON (.*) FROM .*$', '\1'))
		LOOP
			EXECUTE t.command;
			changed := true;
		END LOOP;
		IF p.is_foreign THEN
			EXECUTE format('ALTER TABLE %s OWNER TO %I', p.partition, p.owner);
			changed := true;
		END IF;
		n := n + changed::int;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION qlm.adopt_partitions() IS 'give partitions of qlm.value that a dump brought back what those have that the node makes: their owner, triggers and replica identity, and how columns of the parent are stored and counted; returns how many lacked something';
