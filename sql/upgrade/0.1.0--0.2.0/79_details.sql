-- A read can ask for all that describes what it reads
DROP FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text);
CREATE FUNCTION @extschema@.qlm_read_envelope(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
											  newest int DEFAULT NULL, oldest int DEFAULT NULL,
											  "interval" double precision DEFAULT NULL, callback text DEFAULT NULL,
											  details boolean DEFAULT false) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_read_envelope';
COMMENT ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) IS 'an envelope that reads a path, with all that describes it and what lies below it if details is true, or subscribes to it if interval is given';
REVOKE ALL ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) TO qlm_reader;
