/* Days as bounds */

CREATE FUNCTION @extschema@.qlm_read(path text, "begin" date, "end" date, newest int DEFAULT NULL, oldest int DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_read_days';
COMMENT ON FUNCTION @extschema@.qlm_read(text, date, date, int, int) IS 'values of whole days, from begin to end, in the time zone of the session';

CREATE FUNCTION @extschema@.qlm_delete(path text, "begin" date, "end" date) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_delete_days';
COMMENT ON FUNCTION @extschema@.qlm_delete(text, date, date) IS 'remove the values of whole days, from begin to end, in the time zone of the session; null: no bound on that side; returns how many';

REVOKE ALL ON FUNCTION @extschema@.qlm_read(text, date, date, int, int), @extschema@.qlm_delete(text, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_read(text, date, date, int, int) TO qlm_reader;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_delete(text, date, date) TO qlm_writer;
