/* What triggers do instead, as below */
ALTER TABLE qlm.object DROP CONSTRAINT object_parent_id_fkey;
ALTER TABLE qlm.object_id DROP CONSTRAINT object_id_object_id_fkey;
ALTER TABLE qlm.info_item DROP CONSTRAINT info_item_object_id_fkey;
ALTER TABLE qlm.meta_data DROP CONSTRAINT meta_data_info_item_id_fkey;
ALTER TABLE qlm.subscription_target DROP CONSTRAINT subscription_target_request_id_fkey;
ALTER TABLE qlm.forwarded_result DROP CONSTRAINT forwarded_result_request_id_fkey;

/*
 * Children have a parent, and go with it.  Foreign keys would fail in a parallel
 * restore, which fills the tables of an extension in any order, and would delete
 * children with the rights of their tables' owner.
 */
CREATE FUNCTION qlm.require_parent() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_require_parent'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.require_parent() IS
	'refuses rows whose parent is not there, and keeps it there; while a dump is restored it does nothing';

CREATE FUNCTION qlm.keep_key() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_keep_key'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.keep_key() IS
	'refuses another number for rows that others belong to';

CREATE FUNCTION qlm.delete_children() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_delete_children'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.delete_children() IS
	'deletes what belongs to deleted rows, with the rights of who deletes them';

REVOKE ALL ON FUNCTION qlm.require_parent(), qlm.keep_key(), qlm.delete_children() FROM PUBLIC;

CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF parent_id ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.object IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF object_id ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.object_id IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF object_id ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.info_item IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF info_item_id ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.meta_data IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.subscription_target
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.subscription_target IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.forwarded_result
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.forwarded_result IS 'its parent must be there';

CREATE TRIGGER key_kept AFTER UPDATE OF object_id ON qlm.object
	FOR EACH ROW WHEN (OLD.object_id OPERATOR(pg_catalog.<>) NEW.object_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.object IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.object
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.object IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.object IS 'what belongs to it goes with it';
CREATE TRIGGER key_kept AFTER UPDATE OF info_item_id ON qlm.info_item
	FOR EACH ROW WHEN (OLD.info_item_id OPERATOR(pg_catalog.<>) NEW.info_item_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.info_item IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.info_item IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.info_item IS 'what belongs to it goes with it';
CREATE TRIGGER key_kept AFTER UPDATE OF request_id ON qlm.subscription
	FOR EACH ROW WHEN (OLD.request_id OPERATOR(pg_catalog.<>) NEW.request_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.subscription IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.subscription IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.subscription IS 'what belongs to it goes with it';

/* What publications find rows by; a partition has one unique index, by the name that it was given. */
DO $$
DECLARE
	p record;
BEGIN
	FOR p IN
		SELECT x.indrelid::pg_catalog.regclass AS partition, c.relname AS index
		FROM pg_catalog.pg_inherits AS i
			JOIN pg_catalog.pg_index AS x ON x.indrelid OPERATOR(pg_catalog.=) i.inhrelid
			JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) x.indexrelid
			JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) x.indrelid
		WHERE i.inhparent OPERATOR(pg_catalog.=) 'qlm.value'::pg_catalog.regclass AND x.indisunique
			AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL AND t.relreplident OPERATOR(pg_catalog.=) 'd'
			AND pg_catalog.pg_get_indexdef(c.oid, 1, true) OPERATOR(pg_catalog.=) 'info_item_id'
			AND pg_catalog.pg_get_indexdef(c.oid, 2, true) OPERATOR(pg_catalog.=) 'ts' AND x.indnkeyatts OPERATOR(pg_catalog.=) 2
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', p.partition, p.index);
	END LOOP;
END
$$;
ALTER TABLE qlm.value REPLICA IDENTITY FULL;

/* Who watches the server watches the node: what it is doing, no message and no secret. */
GRANT USAGE ON SCHEMA qlm TO pg_monitor;
GRANT SELECT ON qlm.stat_worker, qlm.stat_peer, qlm.stat_delivery, qlm.stat_subscription TO pg_monitor;
GRANT EXECUTE ON FUNCTION qlm.worker_stats() TO pg_monitor;

CREATE FUNCTION @extschema@.qlm_rename(path text, new_id text, keep_old_id boolean DEFAULT false) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_rename';
COMMENT ON FUNCTION @extschema@.qlm_rename(text, text, boolean) IS 'give an Object another first id, or an InfoItem another name, with all below it and all that names it: subscriptions, retention, handlers, peers; keep_old_id: the old one stays as a further id; returns the new path';
REVOKE ALL ON FUNCTION @extschema@.qlm_rename(text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_rename(text, text, boolean) TO qlm_writer;

CREATE FUNCTION @extschema@.qlm_write(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT @extschema@.qlm_write(path, value::text, at, type) $$;
COMMENT ON FUNCTION @extschema@.qlm_write(text, bigint, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT @extschema@.qlm_write(path, value::text, at, type) $$;
COMMENT ON FUNCTION @extschema@.qlm_write(text, boolean, timestamptz, text) IS 'store true or false as a value of an InfoItem; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT @extschema@.qlm_write(path, value #>> '{}', at,
		coalesce(type, CASE jsonb_typeof(value) WHEN 'number' THEN 'xs:double' WHEN 'boolean' THEN 'xs:boolean' END)) $$;
COMMENT ON FUNCTION @extschema@.qlm_write(text, jsonb, timestamptz, text) IS 'store a JSON string, number or boolean as that, an object or an array as its text; at: its time, by default now';

REVOKE ALL ON FUNCTION @extschema@.qlm_write(text, bigint, timestamptz, text), @extschema@.qlm_write(text, boolean, timestamptz, text), @extschema@.qlm_write(text, jsonb, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_write(text, bigint, timestamptz, text), @extschema@.qlm_write(text, boolean, timestamptz, text), @extschema@.qlm_write(text, jsonb, timestamptz, text) TO qlm_writer;

COMMENT ON COLUMN qlm.value.num IS 'the value as a number, if it is one; true and false count as 1 and 0';

/* Partitions that a dump brought back */
CREATE FUNCTION qlm.adopt_partitions() RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
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
REVOKE ALL ON FUNCTION qlm.adopt_partitions() FROM PUBLIC;

/* Rows of peers that are gone have no key. */
ALTER TABLE qlm.executed REPLICA IDENTITY FULL;
