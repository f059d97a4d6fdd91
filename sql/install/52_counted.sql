/* The same as others, with the numbers of what was done. */

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, text, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, double precision, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, numeric, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, bigint, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, boolean, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_counted(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, jsonb, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write_counted(text, text, timestamptz, text),
	@extschema@.qlm_write_counted(text, double precision, timestamptz, text),
	@extschema@.qlm_write_counted(text, numeric, timestamptz, text),
	@extschema@.qlm_write_counted(text, bigint, timestamptz, text),
	@extschema@.qlm_write_counted(text, boolean, timestamptz, text),
	@extschema@.qlm_write_counted(text, jsonb, timestamptz, text)
	TO qlm_writer;

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle_counted(envelope text, peer text DEFAULT NULL, OUT response xml,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_counted(text, text) IS 'as qlm_handle; returns with the response what the writes of the envelope did, all together';

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle_counted(envelope xml, peer text DEFAULT NULL, OUT response xml,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_counted(xml, text) IS 'as qlm_handle; returns with the response what the writes of the envelope did, all together';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_handle_counted(text, text),
	@extschema@.qlm_handle_counted(xml, text)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle_json_counted(envelope json, peer text DEFAULT NULL, OUT response json,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle_json_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_json_counted(json, text) IS 'as qlm_handle_json; returns with the response what the writes of the envelope did, all together';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_handle_json_counted(json, text) TO qlm_reader;
