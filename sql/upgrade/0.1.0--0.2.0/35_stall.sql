/* Values belong to InfoItems that exist. */

CREATE FUNCTION qlm.value_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_value_checked';
COMMENT ON FUNCTION qlm.value_checked() IS 'refuses values of InfoItems that do not exist';
REVOKE ALL ON FUNCTION qlm.value_checked() FROM PUBLIC;

DO $$
DECLARE
	partition pg_catalog.regclass;
BEGIN
	FOR partition IN SELECT inhrelid FROM pg_catalog.pg_inherits
		WHERE inhparent OPERATOR(pg_catalog.=) 'qlm.value'::pg_catalog.regclass
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER value_checked AFTER INSERT ON %s'
			' REFERENCING NEW TABLE AS new_values'
			' FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_checked()', partition);
	END LOOP;
END
$$;
COMMENT ON TRIGGER value_checked ON qlm.value_default IS 'refuses values of InfoItems that do not exist';
CREATE TRIGGER value_item_changed AFTER UPDATE OF info_item_id ON qlm.value
	FOR EACH ROW EXECUTE FUNCTION qlm.value_checked();
COMMENT ON TRIGGER value_item_changed ON qlm.value IS 'refuses values of InfoItems that do not exist';

/* History that was loaded without partitions finds its way. */
CREATE INDEX value_default_ts_idx ON qlm.value_default (ts);

CREATE FUNCTION @extschema@.qlm_make_partitions("from" timestamptz, "to" timestamptz) RETURNS int
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_make_partitions';
COMMENT ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) IS
	'make the partitions of qlm.value that values of these times lack, before history is loaded; returns how many were made';
REVOKE ALL ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) TO qlm_admin;
